/**
 * The guard against delegations that go round: A asks B, which asks A for the very same. An attempt waits for its children, so a child that
 * plans the work that one of its ancestors is in the middle of can only begin all of it again. An attempt that asks its own capability for its own
 * work, by steps that it gives, hands on to a peer: that is meant, and its depth bounds it.
 *
 * The same work is the same capability, goal and input, which is what a worker is given. A step that depends on others is given their results
 * too, which nobody knows when it is planned: it is compared with nothing, and what goes round through it is left to depth and steps.
 */
import { AppError, type JsonObject } from '@mandate/kernel';
import type { DelegationDecisionCommand, WorkDigest } from '../commands.js';
import type { DelegationEvent } from '../events.js';
import { evolve } from '../evolve.js';
import { stepsOf, type ActiveDelegation, type Delegation, type Step } from '../model.js';
import { orphansOf } from './children.js';

/** What an attempt is at; null for a step that depends on others. */
export const workOf = ({ plan }: Step, state: ActiveDelegation): JsonObject | null =>
  plan.dependsOn.length > 0
    ? null
    : { capability: plan.capability, goal: wording(plan.goal ?? state.goal ?? ''), input: plan.input ?? null };

/** Case and spaces say nothing about what is asked. */
const wording = (goal: string): string => goal.normalize('NFKC').toLowerCase().split(/\s+/).filter(Boolean).join(' ');

/** Digests of what the ancestors of a child are at, `stepId` of `parent` last. */
export const lineageOf = (parent: ActiveDelegation, stepId: string, digestOf: WorkDigest): string[] => {
  const step = parent.steps[stepId];
  const work = step ? workOf(step, parent) : null;
  return [...parent.lineage, ...(work ? [digestOf(work)] : [])];
};

/** The first step of `state`, among those that `known` does not have, whose work an ancestor is at. */
const repeated = (state: ActiveDelegation, known: Delegation, digestOf: WorkDigest, stepsGiven = false): Step | undefined => {
  const before = 'steps' in known ? known.steps : {};
  return stepsOf(state).find((step) => {
    if (step.plan.id in before || step.compensates !== null) return false;
    const work = workOf(step, state);
    return work !== null && goesRound(state.lineage, digestOf(work), stepsGiven);
  });
};

/** Whether an ancestor is at `work`; of given steps, only with other work between. */
const goesRound = (lineage: readonly string[], work: string, stepsGiven: boolean): boolean =>
  lineage.slice(0, stepsGiven ? lineage.findLastIndex((other) => other !== work) + 1 : undefined).includes(work);

const message = ({ plan }: Step): string =>
  `step ${plan.id} asks ${plan.capability} for what an ancestor of this delegation is at, so it would go round for ever: ask for less, or do it there`;

type Request = Extract<DelegationDecisionCommand, { type: 'request' }>;

/** What was decided on a request; throws AppError `DELEGATION_CYCLE` when it plans the work of an ancestor. */
export const assertNoCycle = ({ id, request, workDigest }: Request, events: DelegationEvent[], before: Delegation): DelegationEvent[] => {
  const after = events.reduce((state, event) => evolve(state, event, id), before);
  const step =
    workDigest && after.status === 'active' && after.lineage.length > 0
      ? repeated(after, before, workDigest, request.steps !== undefined)
      : undefined;
  if (step) throw new AppError('DELEGATION_CYCLE', 'invalid', message(step), { stepId: step.plan.id, capability: step.plan.capability });
  return events;
};

const PLANNING: ReadonlySet<DelegationEvent['type']> = new Set(['fellback', 'planned']);

/** A plan that came later, from a planner or in its place, ends the delegation instead when it goes round. */
export const refuseCycle = (
  events: DelegationEvent[],
  state: ActiveDelegation,
  { workDigest, now }: { workDigest?: WorkDigest | undefined; now: number },
): DelegationEvent[] => {
  if (!workDigest || state.lineage.length === 0) return events;
  const from = events.findIndex(({ type }) => PLANNING.has(type));
  if (from < 0) return events;
  const after = events.reduce<Delegation>((s, event) => evolve(s, event), state);
  const step = after.status === 'active' ? repeated(after, state, workDigest) : undefined;
  if (!step) return events;
  const failed: DelegationEvent = {
    type: 'failed',
    at: now,
    data: { code: 'DELEGATION_CYCLE', cancels: orphansOf(state) },
    personal: { error: message(step) },
  };
  return [...events.slice(0, from), failed];
};
