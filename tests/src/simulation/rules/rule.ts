/** What a rule gets to see of a run. Each rule says in its own words what must hold. */
import type { AskReason } from '@mandate/contracts';
import type { Delegation } from '@mandate/delegation';
import type { Allocator, Policy, SlotHolder, Worker } from '@mandate/scheduling';
import type { Append, Log } from '../log.js';
import type { WorkerSpec } from '../scenario.js';

export type Invariant =
  | 'limit'
  | 'rate'
  | 'paused'
  | 'quarantine'
  | 'leak'
  | 'starvation'
  | 'fairness'
  | 'applied-twice'
  | 'begun-twice'
  | 'cancel'
  | 'no-end'
  | 'idle'
  | 'approval'
  | 'answer'
  | 'budget'
  | 'orphan'
  | 'compensation'
  | 'early'
  | 'breaker'
  | 'retry-budget'
  | 'crash';

export interface Appended {
  log: Log;
  append: Append;
  before: Delegation;
  after: Delegation;
}

export interface Granted {
  holder: SlotHolder;
  /** Null: it only goes to another worker. */
  urgency: number | null;
  /** It did not wait before. */
  isNew: boolean;
  /** Why the attempt was asked for. */
  reason: AskReason;
  allocator: Allocator;
  /** What the scheduler that gave it knows. */
  engine: { policyOf: (tenant: string) => Policy; workersFor: (tenant: string, capability: string) => Worker[] };
}

/** What rules share. Times in milliseconds. */
export interface Ground {
  readonly log: Log;
  readonly workers: readonly WorkerSpec[];
  readonly capacity: number;
  readonly now: number;
  /** How late news may be now: while things go wrong an engine can be cut off, later they take a second. */
  readonly lagMs: number;
  readonly isCalm: boolean;
  /** Every policy in force at some moment of what a grant of `at` can rest on. */
  policiesFor(tenant: string, at: number): Policy[];
  /** When a slot that is held was granted, and the how manieth grant it was. */
  grantOf(holder: SlotHolder): { at: number; nth: number };
  since(time: number): string;
  fail(invariant: Invariant, detail: string): void;
}

export interface Rule {
  appended?(what: Appended): void;
  granted?(what: Granted): void;
  /** `counted`: slots that the scheduler counts. */
  ended?(counted: number): void;
}
