import { AppError } from '@mandate/kernel';
import type { DelegationDecisionCommand } from '../commands.js';
import type { DelegationEvent } from '../events.js';
import { isRunning, isWeaker, stepsOf } from '../model.js';
import type { ActiveDelegation, Child, Delegation, Used } from '../model.js';
import { addCost, costLeft, NO_COST, usdText, type CostLimit } from '../cost.js';
import { childShare, MAX_CHILDREN } from '../policy.js';
import { budgetData } from './request.js';

type AdmitChild = Extract<DelegationDecisionCommand, { type: 'admit-child' }>;

const wider = (what: string, asked: unknown, left: unknown): AppError =>
  new AppError(
    'BUDGET_EXCEEDED',
    'invalid',
    `the child asks for ${what} ${String(asked)}, its parent has ${String(left)} left: ask for less`,
    { limit: what },
  );

/**
 * Admits a child of a running attempt, with a budget that is at most what is left here. The same child is admitted once; who asks for it again
 * did not begin yet, and must not any more when its attempt has ended without success meanwhile: the cancel of it found nothing.
 */
export const decideChild = ({ childId, stepId, attempt, asked, now }: AdmitChild, state: ActiveDelegation): DelegationEvent[] => {
  const known = state.children.find((child) => child.id === childId);
  if (known && !isOrphan(known, state)) return [];
  const step = state.steps[stepId];
  if (known || !step || step.attempt !== attempt || !isRunning(step))
    throw new AppError(
      'PARENT_LEASE_NOT_CURRENT',
      'conflict',
      `attempt ${attempt} of step ${stepId} of ${state.id} is not running: only a running attempt may delegate`,
    );
  if (state.children.length >= MAX_CHILDREN)
    throw new AppError('FANOUT_EXCEEDED', 'invalid', `${state.id} has had ${MAX_CHILDREN} children: no delegation may have more`);
  if (state.budget.depth < 1) throw new AppError('DEPTH_EXCEEDED', 'invalid', `${state.id} may not delegate further: its depth is used up`);
  const depth = asked.depth ?? state.budget.depth - 1;
  if (depth > state.budget.depth - 1) throw wider('depth', depth, state.budget.depth - 1);
  const left = stepsLeft(state);
  const steps = asked.steps ?? Math.max(asked.stepCount ?? 0, childShare(left), stepsDown(depth, left, state));
  if (steps > left || steps < 1) throw wider('steps', Math.max(steps, 1), left);
  const deadlineAt = asked.deadlineMs === undefined ? state.budget.deadlineAt : now + asked.deadlineMs;
  if (deadlineAt > state.budget.deadlineAt)
    throw wider('deadline', new Date(deadlineAt).toISOString(), new Date(state.budget.deadlineAt).toISOString());
  if (asked.approval !== undefined && isWeaker(asked.approval, state.approval))
    throw new AppError(
      'WEAKER_APPROVAL',
      'invalid',
      `the child asks for approval ${asked.approval}, its parent was asked for with ${state.approval}: a child may only be stricter`,
    );
  return [
    {
      type: 'childadmitted',
      at: now,
      data: { childId, stepId, attempt, budget: budgetData({ deadlineAt, depth, steps, cost: childCost(asked, state) }) },
    },
  ];
};

/** The only child gets a step for each level that it may go down: eighths of eighths are used up long before a chain's depth is. */
const stepsDown = (depth: number, left: number, { children }: ActiveDelegation): number =>
  children.some(({ ended }) => !ended) ? 0 : Math.min(left, depth + 1);

const isOrphan = ({ stepId, attempt }: Child, { steps }: ActiveDelegation): boolean => {
  const step = steps[stepId];
  return step?.attempt !== attempt || !(isRunning(step) || step.phase.status === 'succeeded');
};

/** Gives back what an ended child did not use. Nothing for a child that is not known, or that was settled before. */
export const decideChildEnded = (
  { childId, used, now }: Extract<DelegationDecisionCommand, { type: 'child-ended' }>,
  state: ActiveDelegation,
): DelegationEvent[] => {
  const child = state.children.find(({ id }) => id === childId);
  if (!child || child.ended) return [];
  const { microUsd, tokens } = used.cost;
  return [{ type: 'childended', at: now, data: { childId, used: { steps: used.steps, usd: usdText(microUsd), tokens } } }];
};

/**
 * What a delegation and everything below it used, as far as it knows: children that have not ended count with all that was set apart.
 * `ended`: by id, what others used that have ended since.
 */
export const usedBy = (state: Delegation, ended: ReadonlyMap<string, Used> = new Map()): Used => {
  if (!('steps' in state)) return { steps: 0, cost: NO_COST };
  const own = stepsOf(state).filter((step) => step.compensates === null).length;
  const below: Used[] = state.children.map((child) => ended.get(child.id) ?? child);
  return {
    steps: below.reduce((sum, { steps }) => sum + steps, own),
    cost: below.reduce((sum, { cost }) => addCost(sum, cost), state.spent),
  };
};

/** What a child may cost: what it asks for, else its share of what is left; no limit where the parent has none and it asks for none. */
const childCost = (asked: AdmitChild['asked'], state: ActiveDelegation): CostLimit => {
  const left = costLeft(state.budget.cost, usedBy(state).cost);
  return {
    microUsd: childPart('usd', asked.microUsd, left.microUsd, usdText),
    tokens: childPart('tokens', asked.tokens, left.tokens, String),
  };
};

const childPart = (what: string, asked: number | undefined, left: number | null, show: (value: number) => string): number | null => {
  if (left === null) return asked ?? null;
  const part = asked ?? childShare(left);
  if (part > left || part < 1) throw wider(what, show(Math.max(part, 1)), show(left));
  return part;
};

export const stepsLeft = (state: ActiveDelegation): number => state.budget.steps - usedBy(state).steps;

/** The children that lose their parent when an attempt, or with no attempt named the whole delegation, ends without success. */
export const orphansOf = (state: ActiveDelegation, attempt?: { stepId: string; attempt: number }): string[] =>
  state.children
    .filter((child) => !attempt || (child.stepId === attempt.stepId && child.attempt === attempt.attempt))
    .map((child) => child.id);
