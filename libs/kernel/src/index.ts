export * from './app-error.js';
export * from './canonical-json.js';
export * from './clock.js';
export * from './decider.js';
export * from './duration.js';
export * from './ids.js';
export * from './json.js';
