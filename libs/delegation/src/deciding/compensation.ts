/** Undoing what succeeded, before a delegation fails or is canceled: in reverse order of success, one after the other. */
import { timestamp } from '@mandate/kernel';
import type { DelegationEvent, PlannedUndo } from '../events.js';
import { evolve } from '../evolve.js';
import { isSettled, stepsOf, UNDO_PREFIX, type ActiveDelegation, type Delegation, type Step } from '../model.js';
import { COMPENSATION_ATTEMPTS, COMPENSATION_MS } from '../policy.js';
import { orphansOf } from './children.js';

type End = Extract<DelegationEvent, { type: 'failed' | 'canceled' }>;

/** The events with `compensating` in the place of an end before which something has to be undone. */
export const compensateFirst = (events: DelegationEvent[], before: Delegation, id: string): DelegationEvent[] => {
  let state = before;
  return events.map((event) => {
    const put = isEnd(event) && state.status === 'active' && state.ending === null ? (compensating(event, state) ?? event) : event;
    state = evolve(state, put, id);
    return put;
  });
};

const isEnd = (event: DelegationEvent): event is End => event.type === 'failed' || event.type === 'canceled';

const compensating = (end: End, state: ActiveDelegation): DelegationEvent | null => {
  const undo = undoOf(state);
  if (undo.length === 0) return null;
  const { at } = end;
  const common = { undo, deadlineAt: timestamp(at + COMPENSATION_MS) };
  if (end.type === 'failed')
    return {
      type: 'compensating',
      at,
      data: { ...end.data, ...common, outcome: 'failed' },
      personal: { error: end.personal?.error ?? '' },
    };
  return {
    type: 'compensating',
    at,
    data: { ...end.data, ...common, outcome: 'canceled' },
    personal: { error: end.personal?.reason ?? '' },
  };
};

const endedAt = ({ phase }: Step): number => ('endedAt' in phase ? phase.endedAt : 0);

const undoOf = (state: ActiveDelegation): PlannedUndo[] =>
  stepsOf(state)
    .filter(({ plan, phase }) => plan.compensate && phase.status === 'succeeded')
    .reverse()
    .sort((a, b) => endedAt(b) - endedAt(a))
    .map(({ plan }, i) => ({
      id: `${UNDO_PREFIX}${i + 1}`,
      compensates: plan.id,
      capability: plan.compensate?.capability ?? '',
      timeoutMs: plan.timeoutMs,
      maxAttempts: COMPENSATION_ATTEMPTS,
    }));

/** The end that waited for compensations, once all of them are through or their time is over. */
export const afterCompensation = (state: ActiveDelegation, now: number): DelegationEvent[] => {
  const { ending } = state;
  if (!ending) return [];
  const undo = stepsOf(state).filter((step) => step.compensates !== null);
  if (now < state.budget.deadlineAt && !undo.every(isSettled)) return [];
  const left = undo.filter(({ phase }) => phase.status !== 'succeeded').map(({ compensates }) => compensates ?? '');
  const notUndone = left.length > 0 ? { notUndone: left } : {};
  const cancels = orphansOf(state);
  if (ending.outcome === 'canceled') {
    const { by, commandId, reason } = ending;
    return [{ type: 'canceled', at: now, data: { by, commandId, cancels, ...notUndone }, personal: { reason } }];
  }
  const { code, stepId, error } = ending;
  return [
    { type: 'failed', at: now, data: { code, ...(stepId === undefined ? {} : { stepId }), cancels, ...notUndone }, personal: { error } },
  ];
};
