/** What readers of a delegation are told (contract 3.3). */
import type { JsonObject, JsonValue } from '@mandate/kernel';
import type { Pattern } from './request.js';
import type { WaitingView } from './scheduling.js';

/** A2A 1.0 task states. */
export const TASK_STATES = [
  'TASK_STATE_SUBMITTED',
  'TASK_STATE_WORKING',
  'TASK_STATE_INPUT_REQUIRED',
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

export const isFinal = (state: TaskState): boolean =>
  state === 'TASK_STATE_COMPLETED' || state === 'TASK_STATE_FAILED' || state === 'TASK_STATE_CANCELED' || state === 'TASK_STATE_REJECTED';

/** The answer to a stored request. */
export interface Acknowledgement {
  id: string;
  state: TaskState;
}

export interface ErrorView {
  code: string;
  message: string;
}

/** An output above 64 KiB stands elsewhere. */
export interface OutputReference {
  $ref: string;
  sha256: string;
  bytes: number;
}

export interface StepView {
  id: string;
  capability: string;
  state: TaskState;
  attempt: number;
  dependsOn: string[];
  worker: string | null;
  startedAt: string | null;
  endedAt: string | null;
  output?: JsonValue | OutputReference;
  error?: ErrorView;
  /** Waiting for a slot. */
  waiting?: WaitingView;
  /** Waiting for an answer. */
  question?: { id: string; text: string; schema?: JsonValue };
}

/** Waiting for a person's approval of exactly this. */
export interface ApprovalView {
  scope: 'plan' | 'step';
  stepId?: string;
  /** Keyed, of `subject`. Absent: asked for by a version that made none. */
  digest?: string;
  expiresAt?: string;
  /** What will run. */
  subject: JsonObject;
}

export interface DecisionView {
  chosen: Pattern;
  alternatives: { pattern: Pattern; confidence: number }[];
  model: string;
  fallback: string | null;
}

export interface DelegationView {
  id: string;
  state: TaskState;
  goal: string | { erased: true };
  pattern: Pattern | null;
  confidence: number | null;
  decision: DecisionView | null;
  steps: StepView[];
  approvals?: ApprovalView[];
  result?: JsonValue;
  error?: ErrorView;
  /** What the attempts reported to have used. */
  spent?: { usd: string; tokens: number };
  createdAt: string;
  endedAt?: string;
}

export interface DelegationListItem {
  id: string;
  state: TaskState;
  pattern: Pattern | null;
  confidence: number | null;
  principal: string;
  createdAt: string;
  endedAt: string | null;
}

export interface EventView {
  position: number;
  id: string;
  type: string;
  version: number;
  time: string;
  data: JsonValue;
  actor: { kind: string; id: string };
}

export interface AgentView {
  name: string;
  version: string;
  instance: string;
  state: 'online' | 'lost';
  capabilities: { name: string; description: string; tags: string[]; concurrency: number; effects: string; running: number }[];
  registeredAt: string;
  lastSeenAt: string | null;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
