/**
 * From what was decided to what is appended: steps that may begin ask for slots, what gets one is dispatched in the same breath, and what gets
 * none joins those who wait. A generator, because who gives slots may be another process: it yields each step that needs one, and is told.
 */
import type { AskReason, Effects } from '@mandate/contracts';
import { decide } from './decide.js';
import type { DelegationEvent } from './events.js';
import { evolve } from './evolve.js';
import { dispatchableSteps, isRunning, stepsOf, type Delegation, type Step } from './model.js';

/** A slot of a worker for a step. */
export interface StepGrant {
  stepId: string;
  /** With the lease: what the slot is for. */
  attempt: number;
  lease: number;
  instance: string;
  /** The step's own, or what stands in for it. */
  capability: string;
  effects: Effects;
}

/** A step that could begin if it had a slot. */
export interface StepNeed {
  stepId: string;
  attempt: number;
  lease: number;
  capability: string;
  /** The delegation's concurrency key. */
  key: string | null;
  reason: AskReason;
  /** Another capability may stand in for it: nobody approved of exactly this one, and none but a planner answers with a plan. */
  substitutable: boolean;
}

export interface HeldSlot {
  stepId: string;
  attempt: number;
  lease: number;
  instance: string;
  capability: string;
  key: string | null;
}

export interface Placed<Grant> {
  events: DelegationEvent[];
  after: Delegation;
  /** Used by a dispatch of `events`. */
  grants: Grant[];
  /** Given, but there was nothing (any more) to use them for. Not among them: what came a second time, and is held by then. */
  unused: Grant[];
  waitingAdded: string[];
  waitingRemoved: string[];
  released: HeldSlot[];
}

interface Placing<Grant> {
  id: string;
  decided: readonly DelegationEvent[];
  /** Slots that are there already. */
  given: readonly Grant[];
  /** Steps that wait for a slot already: they are not asked for again. */
  waiting: ReadonlySet<string>;
  now: number;
}

export function* placeSteps<Grant extends StepGrant>(
  before: Delegation,
  { id, decided, given, waiting, now }: Placing<Grant>,
): Generator<StepNeed, Placed<Grant>, Grant | null> {
  const events = [...decided];
  let after = decided.reduce((state, event) => evolve(state, event, id), before);
  const grants = given.filter((grant) => decided.some((event) => event.type === 'stepdispatched' && isFor(grant, event.data)));
  const waitingAdded: string[] = [];
  for (const step of dispatchableSteps(after, now)) {
    const stepId = step.plan.id;
    const wanted = { stepId, attempt: step.attempt + 1, lease: 1 };
    const ready = given.find((candidate) => candidate.stepId === stepId && candidate.attempt === wanted.attempt);
    if (!ready && waiting.has(stepId)) continue;
    const grant = ready ?? (yield { ...wanted, ...needOf(step, after) });
    if (!grant) {
      waitingAdded.push(stepId);
      continue;
    }
    grants.push(grant);
    const { instance, capability, effects } = grant;
    const reason = step.attempt === 0 ? 'first' : 'retry';
    for (const event of decide({ type: 'dispatch', stepId, instance, capability, effects, reason, now }, after)) {
      events.push(event);
      after = evolve(after, event, id);
    }
  }
  const stillWaiting = new Set(dispatchableSteps(after, now).map((step) => step.plan.id));
  const held = slotsHeld(after);
  return {
    events,
    after,
    grants,
    unused: notHeld(
      after,
      given.filter((grant) => !grants.includes(grant)),
    ),
    waitingAdded,
    waitingRemoved: [...waiting].filter((stepId) => !stillWaiting.has(stepId)),
    released: slotsHeld(before).filter((slot) => !held.some((other) => isFor(other, slot))),
  };
}

/** What the step's next attempt asks of a slot, and of the queue for it. */
export const needOf = (step: Step, state: Delegation): Omit<StepNeed, 'stepId' | 'attempt' | 'lease'> => ({
  capability: step.plan.capability,
  key: concurrencyKeyOf(state),
  reason: askReasonOf(step),
  substitutable: !step.planning && step.approval === 'not-needed' && 'planApproval' in state && state.planApproval === 'not-needed',
});

/** Why the step's next attempt is asked for. */
const askReasonOf = ({ attempt, phase }: Step): AskReason => {
  if (phase.status === 'backoff') return phase.reason;
  return attempt === 0 ? 'first' : 'answered';
};

/** Grants that no attempt of the delegation holds: only these may be given back. The same grant can come twice. */
export const notHeld = <Grant extends StepGrant>(state: Delegation, grants: readonly Grant[]): Grant[] => {
  const held = slotsHeld(state);
  return grants.filter((grant) => !held.some((slot) => isFor(grant, slot)));
};

type SlotName = Pick<HeldSlot, 'stepId' | 'attempt' | 'lease' | 'instance'>;

const isFor = (a: SlotName, b: SlotName): boolean =>
  a.stepId === b.stepId && a.attempt === b.attempt && a.lease === b.lease && a.instance === b.instance;

export const concurrencyKeyOf = (state: Delegation): string | null => ('concurrencyKey' in state ? state.concurrencyKey : null);

const slotsHeld = (state: Delegation): HeldSlot[] =>
  'steps' in state
    ? stepsOf(state)
        .filter((step) => isRunning(step) && step.instance !== null)
        .map((step) => ({
          stepId: step.plan.id,
          attempt: step.attempt,
          lease: step.lease,
          instance: step.instance as string,
          capability: step.capability,
          key: concurrencyKeyOf(state),
        }))
    : [];
