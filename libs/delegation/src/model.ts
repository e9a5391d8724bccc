/**
 * The delegation, as its own history tells it. Pure: no clock, no I/O.
 *
 * Glossary
 * - delegation: one request, from `requested` to a final state; one event stream, one writer.
 * - pattern: the shape of its graph of steps: direct, sequential, parallel or meta.
 * - step: one piece of work for one capability. A step depends on others and gets their outputs.
 * - attempt: one try at a step, numbered from 1. At most one attempt of a step is current.
 * - lease: one offer of an attempt to one worker, numbered within the attempt. Who holds the current lease may report on the step.
 * - capability: what a worker can do; worker (instance): a process that registered capabilities.
 * - fallback: plain delegation of the whole goal to the best-matching agent, when the engine is not sure enough.
 * - child: a delegation asked for by a running attempt, within what is left of its parent's budget.
 */
import type { AskReason, Effects, ErrorView, Pattern } from '@mandate/contracts';
import type { JsonObject, JsonValue } from '@mandate/kernel';
import type { Cost, CostLimit } from './cost.js';

/** A step as planned. `goal` and `input` are personal and absent once erased. */
export interface StepPlan {
  id: string;
  capability: string;
  dependsOn: string[];
  irreversible: boolean;
  timeoutMs: number;
  maxAttempts: number;
  goal?: string;
  input?: JsonValue;
  /** What undoes it. */
  compensate?: { capability: string; goal?: string; input?: JsonValue };
}

/** An output as later steps and readers see it: itself up to 64 KiB, else where it stands. */
export type StepOutput = { kind: 'value'; value: JsonValue } | { kind: 'reference'; sha256: string; bytes: number } | { kind: 'erased' };

export interface Question {
  id: string;
  text: string;
  schema?: JsonObject;
}

export type StepPhase =
  /** Waits for its dependencies, an approval or a free slot. */
  | { status: 'pending' }
  | { status: 'backoff'; retryAt: number; reason: AskReason }
  | { status: 'dispatched'; closeAt: number }
  | { status: 'started'; closeAt: number }
  | { status: 'input-required'; question: Question }
  | { status: 'succeeded'; output: StepOutput; endedAt: number }
  | { status: 'failed'; error: ErrorView; endedAt: number }
  | { status: 'canceled'; endedAt: number };

/** What a person is asked. Null in requests of versions that had none. */
export interface ApprovalRequest {
  /** Keyed, of exactly what will run. */
  digest: string | null;
  expiresAt: number | null;
}

export interface Step {
  plan: StepPlan;
  phase: StepPhase;
  /** 0 before the first dispatch. */
  attempt: number;
  /** Offers made within the attempt; with the attempt number it names the current lease. */
  lease: number;
  instance: string | null;
  /** That the last offer was made under: the plan's, or what stood in for it. */
  capability: string;
  effects: Effects;
  /** Attempts that count against `maxAttempts`. */
  failures: number;
  /** Attempts whose worker was lost: bounded apart, they are not the step's fault. */
  losses: number;
  startedAt: number | null;
  approval: 'not-needed' | 'needed' | 'requested' | 'granted';
  /** The last approval that was asked for. */
  asked: ApprovalRequest | null;
  answers: Record<string, JsonValue>;
  /** Asks a planner for the other steps; it is not work of the delegation itself. */
  planning: boolean;
  /** The step that it undoes; such a step is no work of the delegation either. */
  compensates: string | null;
}

/** Who has to be asked before what runs, the least strict first. */
export const APPROVALS = ['never', 'irreversible', 'plan'] as const;
export type Approval = (typeof APPROVALS)[number];

export const isWeaker = (approval: Approval, than: Approval): boolean => APPROVALS.indexOf(approval) < APPROVALS.indexOf(than);

export interface BudgetLeft {
  /** What it may cost. */
  cost: CostLimit;
  deadlineAt: number;
  depth: number;
  /** Steps that this delegation and everything below it may have. */
  steps: number;
}

/** Of a budget. */
export interface Used {
  steps: number;
  cost: Cost;
}

export interface Child {
  /** Set apart for it and everything below; once it has ended, what that used. */
  cost: Cost;
  id: string;
  stepId: string;
  attempt: number;
  steps: number;
  ended: boolean;
}

export interface Decision {
  pattern: Pattern;
  confidence: number;
  alternatives: { pattern: Pattern; confidence: number }[];
  model: string;
  fallback: string | null;
}

/** How a delegation ends once its compensations are through. */
export type Ending =
  | { outcome: 'failed'; code: string; stepId?: string; error: string }
  | { outcome: 'canceled'; by: string; commandId: string; reason: string };

interface Asked {
  id: string;
  principal: string;
  goal: string | null;
  input: JsonValue;
  requestedAt: number;
  budget: BudgetLeft;
  approval: Approval;
  approvalTimeoutMs: number;
  /** No step begins before this time; null: at once. */
  startAt: number | null;
  /** 0 to 9, 9 goes first. */
  priority: number;
  /** Steps of delegations with the same key can be limited together. */
  concurrencyKey: string | null;
  planApproval: Step['approval'];
  planAsked: ApprovalRequest | null;
  /** Not null while it compensates. */
  ending: Ending | null;
  parent: { delegationId: string; stepId: string; attempt: number } | null;
  /** Keyed digests of what its ancestors were at when it was asked for. */
  lineage: readonly string[];
  decision: Decision | null;
  /** What its attempts reported to have used. */
  spent: Cost;
  steps: Readonly<Record<string, Step>>;
  /** Step ids in the order they were planned. */
  order: readonly string[];
  children: readonly Child[];
  /** Commands already applied, so that a redelivered one changes nothing. */
  commands: readonly string[];
}

export type ActiveDelegation = Asked & { status: 'active' };
export type EndedDelegation = Asked & { status: 'completed' | 'failed' | 'canceled'; endedAt: number; error: ErrorView | null };
export type Delegation =
  | { status: 'absent' }
  | { status: 'rejected'; id: string; principal: string; at: number; error: ErrorView; existingId: string | null }
  | ActiveDelegation
  | EndedDelegation;

/** The id of the step that asks a `plan` worker for the graph. */
export const PLANNING_STEP = 'mandate-plan';
export const PLAN_CAPABILITY = 'plan';

/** Ids of compensations begin with it. */
export const UNDO_PREFIX = 'mandate-undo-';

export const isRunning = (step: Step): boolean => step.phase.status === 'dispatched' || step.phase.status === 'started';

export const isSettled = (step: Step): boolean =>
  step.phase.status === 'succeeded' || step.phase.status === 'failed' || step.phase.status === 'canceled';

export const stepsOf = (state: Asked): Step[] => state.order.map((id) => state.steps[id] as Step);

/** What the delegation was asked for: neither planning nor undoing. */
export const isWork = (step: Step): boolean => !step.planning && step.compensates === null;

const dependenciesDone = (step: Step, state: Asked): boolean =>
  step.plan.dependsOn.every((id) => state.steps[id]?.phase.status === 'succeeded');

/** Steps whose dependencies are done, whether or not an approval is missing. */
export const unblockedSteps = (state: ActiveDelegation): Step[] =>
  stepsOf(state).filter((step) => step.phase.status === 'pending' && dependenciesDone(step, state));

/** One after the other, whatever becomes of them. */
const isNextUndo = (step: Step, state: ActiveDelegation): boolean =>
  stepsOf(state).find((other) => other.compensates !== null && !isSettled(other)) === step;

const isMissing = (approval: Step['approval']): boolean => approval === 'needed' || approval === 'requested';

/** Nothing is missing but a free slot: dependencies, approvals and waits are done with. */
export const isDispatchable = (step: Step, state: ActiveDelegation, now: number): boolean => {
  if (state.startAt !== null && now < state.startAt) return false;
  if (step.compensates !== null && !isNextUndo(step, state)) return false;
  if (isMissing(state.planApproval) || isMissing(step.approval)) return false;
  if (step.phase.status === 'backoff') return step.phase.retryAt <= now;
  return step.phase.status === 'pending' && dependenciesDone(step, state);
};

/** Steps that may be dispatched at `now`. */
export const dispatchableSteps = (state: Delegation, now: number): Step[] =>
  state.status === 'active' ? stepsOf(state).filter((step) => isDispatchable(step, state, now)) : [];

/**
 * When the delegation next needs attention although no message came; null when it has ended. A retry that is due by `now` needs none: it was
 * dispatched, or waits for a slot, and whoever gives it one tells.
 */
export const nextWakeAt = (state: Delegation, now: number): number | null => {
  if (state.status !== 'active') return null;
  let wakeAt = state.budget.deadlineAt;
  if (state.startAt !== null && now < state.startAt) wakeAt = Math.min(wakeAt, state.startAt);
  if (state.planApproval === 'requested') wakeAt = Math.min(wakeAt, state.planAsked?.expiresAt ?? Infinity);
  for (const id of state.order) {
    const { phase, approval, asked } = state.steps[id] as Step;
    if (approval === 'requested' && phase.status === 'pending') wakeAt = Math.min(wakeAt, asked?.expiresAt ?? Infinity);
    if (phase.status === 'backoff' && phase.retryAt > now) wakeAt = Math.min(wakeAt, phase.retryAt);
    else if (phase.status === 'dispatched' || phase.status === 'started') wakeAt = Math.min(wakeAt, phase.closeAt);
  }
  return wakeAt;
};
