export { delegationEngine, startEngine } from './service.js';
export type { EngineOptions } from './engine/engine.js';
