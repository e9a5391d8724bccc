export type {
  Acknowledgement,
  AgentView,
  Budget,
  DelegationRequest,
  DelegationView,
  Effects,
  ErrorView,
  EventView,
  OutputReference,
  Pattern,
  Problem,
  StepQuestion,
  StepSpec,
  StepUsage,
  StepView,
  TaskState,
} from '@mandate/contracts';
export type { JsonObject, JsonValue } from '@mandate/kernel';
export * from './errors.js';
export {
  isFinalEvent,
  type DelegationEvent,
  type DelegationEventData,
  type DelegationEventType,
  type FinalEvent,
  type Reference,
} from './requester/events.js';
export type { Ask, DelegationHandle, GivenAnswer, Steering } from './requester/handle.js';
export { createRequester, type DelegateOptions, type Requester, type RequesterOptions } from './requester/requester.js';
export {
  Plan,
  type Capabilities,
  type CapabilitiesOf,
  type Capability,
  type CapabilityTypes,
  type Task,
  type WorkContext,
} from './worker/capability.js';
export { drainOnSignal } from './worker/drain-on-signal.js';
export { createWorker, type Worker, type WorkerOptions } from './worker/worker.js';
