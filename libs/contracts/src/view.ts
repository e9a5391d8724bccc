/** What readers of a delegation are told (contract 3.3). */
import type { ReputationView } from './reputation.js';
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
  /** The capability that the last attempt was made under instead. */
  substitute?: string;
  state: TaskState;
  attempt: number;
  dependsOn: string[];
  worker: string | null;
  startedAt: string | null;
  endedAt: string | null;
  /** The step that this one undoes. */
  compensates?: string;
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
  /** What it will end as, once its compensations are through. */
  ending?: { state: TaskState; error?: ErrorView };
  result?: JsonValue;
  error?: ErrorView;
  /** What the attempts reported to have used. */
  spent?: { usd: string; tokens: number };
  createdAt: string;
  /** Nothing begins before. */
  startAt?: string;
  endedAt?: string;
}

interface Chance {
  pattern: Pattern;
  confidence: number;
}

/** Why a delegation was read and planned as it was. Quotes the request: for those who may read the delegation. */
export interface ExplanationView {
  id: string;
  decision: DecisionView | null;
  confidence: number | null;
  /** As they were recorded with the decision. */
  reasons: string[];
  /** What the model that answered made of the request. Null where none was asked, or where it cannot be had again. */
  recognition: {
    clauses: { text: string; link: string }[];
    rule: { name: string; because: string; alternatives: Chance[] };
    /** What requests in many manners taught; null where it was not asked. */
    general: { alternatives: Chance[] } | null;
    learned: { alternatives: Chance[]; features: { name: string; value: number; towards: number }[] };
    trust: { share: number; nearest: string };
    digest: string;
    /** Lessons of the tenant that had been learnt; null: the shipped model alone. */
    layer: number | null;
  } | null;
  plan: {
    by: string;
    /** Made by rules from the text, and nobody's word. */
    suggestion: boolean;
    pattern: Pattern;
    steps: { id: string; capability: string; dependsOn: string[]; goal: string | null }[];
    reasons: string[];
  } | null;
  fallback: { reason: string; detail: string } | null;
  feedback: { pattern: Pattern; by: string }[];
}

/** A graph that was used again and again and served. */
export interface TemplateView {
  name: string;
  pattern: Pattern;
  steps: { id: string; capability: string; dependsOn: string[] }[];
  evidence: { succeeded: number; failed: number; requesters: number; lastUsedAt: string; delegations: string[] };
  /** Of its success the next time: at least this, with 95 % certainty. */
  confidence: number;
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
  /** What an operator allows it. */
  mode: 'active' | 'draining' | 'quarantined';
  capabilities: {
    name: string;
    description: string;
    tags: string[];
    concurrency: number;
    effects: string;
    running: number;
    /** Null before its first attempt has ended. */
    reputation: ReputationView | null;
    /** Of an open proposal to quarantine the worker. */
    proposal?: string;
  }[];
  registeredAt: string;
  lastSeenAt: string | null;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
