export { patternOf, topologicalOrder, transitiveReduction, validateGraph, type GraphNode } from './planning/graph.js';
export { bestCapability, plan, type AgentCapability, type PlanOutcome, type PlanRequest, type RulePlan } from './planning/plan.js';
export {
  DEFAULT_FALLBACK_THRESHOLD,
  fallbackThreshold,
  recognise,
  RECOGNISER,
  shouldFallBack,
  type PatternConfidence,
  type Recognition,
} from './recognition/recognise.js';
export type { RecognitionInput } from './recognition/reading.js';
export * from './commands.js';
export * from './cost.js';
export * from './decide.js';
export * from './events.js';
export { evolve, initial, PLANNING_TIMEOUT_MS } from './evolve.js';
export * from './model.js';
export * from './view.js';
