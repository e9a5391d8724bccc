export { bestCapability, plan, type AgentCapability, type PlanOutcome, type PlanRequest, type RulePlan } from './planning/plan.js';
export type { PatternConfidence, Recognition } from '@mandate/recognition';
export * from './commands.js';
export * from './cost.js';
export * from './decide.js';
export * from './events.js';
export { evolve, initial, PLANNING_TIMEOUT_MS } from './evolve.js';
export * from './model.js';
export * from './view.js';
