/** How attempts ended, as breakers count it: from what was decided, in the state before it. */
import type { DelegationEvent } from './events.js';
import { isRunning, type Delegation } from './model.js';
import { concurrencyKeyOf, type HeldSlot } from './placing.js';

export interface EndedAttempt extends HeldSlot {
  /** `failed`: with an error or a time-out that another attempt may be spared; `lost`: with its worker. A final error is an answer like any other. */
  result: 'succeeded' | 'failed' | 'lost';
}

/** Attempts that were stopped, or never began, ended neither way: they are not among them. */
export const endedAttempts = (before: Delegation, events: readonly DelegationEvent[]): EndedAttempt[] =>
  events.flatMap((event) => {
    const result = resultOf(event, events);
    const step = result && 'stepId' in event.data && 'steps' in before ? before.steps[event.data.stepId ?? ''] : undefined;
    if (!result || !step || !isRunning(step) || step.instance === null) return [];
    const { plan, attempt, lease, instance, capability } = step;
    return [{ stepId: plan.id, attempt, lease, instance, capability, key: concurrencyKeyOf(before), result }];
  });

/** A time-out says by itself how the attempt ended; what follows from it stands behind it and says nothing more. */
const resultOf = (event: DelegationEvent, events: readonly DelegationEvent[]): EndedAttempt['result'] | null => {
  switch (event.type) {
    case 'steptimedout':
      if (event.data.timeout === 'schedule-to-start') return null;
      return event.data.timeout === 'heartbeat' ? 'lost' : 'failed';
    case 'stepsucceeded':
    case 'inputrequired':
      return 'succeeded';
    case 'stepretried':
      return event.data.counts && !isTimedOut(event.data.stepId, events) ? 'failed' : null;
    case 'stepfailed':
      if (isTimedOut(event.data.stepId, events)) return null;
      return event.data.retryable ? 'failed' : 'succeeded';
    default:
      return null;
  }
};

const isTimedOut = (stepId: string, events: readonly DelegationEvent[]): boolean =>
  events.some(({ type, data }) => type === 'steptimedout' && 'stepId' in data && data.stepId === stepId);
