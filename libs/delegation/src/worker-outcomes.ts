/** What attempts say about the workers that had them: how each ended, read from the events of delegations in the order of the log. */
import type { DelegationEvent, Timeout } from './events.js';

/** An attempt at a worker that has not ended yet. */
export interface OpenAttempt {
  attempt: number;
  lease: number;
  instance: string;
  capability: string;
  /** Milliseconds since the epoch; null: not accepted yet, as far as the log says. */
  startedAt: number | null;
  /** When its time is over. */
  closeAt: number;
  timedOut: Timeout | 'taken-away' | null;
}

/**
 * - succeeded, failed: as the worker reported.
 * - timed-out: no result within the step's time.
 * - lost: no heartbeat named it any more.
 * - unanswered: the worker did not answer the offer.
 */
export type AttemptResult = 'succeeded' | 'failed' | 'timed-out' | 'lost' | 'unanswered';

export interface AttemptOutcome {
  instance: string;
  capability: string;
  result: AttemptResult;
  /** Its time was over when it ended; it may have succeeded all the same. */
  late: boolean;
  /** From acceptance to success, in milliseconds; null where it did not succeed. */
  ms: number | null;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface Followed {
  open: OpenAttempt | null;
  outcome: AttemptOutcome | null;
}

/** Events that `followAttempt` needs; those of `ENDS_ALL` are about every open attempt of their delegation. */
export const ATTEMPT_EVENTS = [
  'stepdispatched',
  'stepstarted',
  'stepsucceeded',
  'stepfailed',
  'stepretried',
  'steptimedout',
  'inputrequired',
] as const satisfies readonly DelegationEvent['type'][];

/** What is cut off by these says nothing about its worker. */
export const ENDS_ALL = ['completed', 'failed', 'canceled', 'compensating'] as const satisfies readonly DelegationEvent['type'][];

type Of<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;
export type AttemptEvent = Pick<Of<(typeof ATTEMPT_EVENTS)[number]>, 'type' | 'at' | 'data'>;

const still = (open: OpenAttempt | null): Followed => ({ open, outcome: null });

/** What an event of a step makes of its open attempt. An event of another attempt, or of one that is not known, changes nothing. */
export const followAttempt = (open: OpenAttempt | null, event: AttemptEvent): Followed => {
  if (event.type === 'stepdispatched') return dispatched(open, event as Of<'stepdispatched'>);
  if (!open || event.data.attempt !== open.attempt) return still(open);
  switch (event.type) {
    case 'stepstarted': {
      const { closeAt } = (event as Of<'stepstarted'>).data;
      return still({ ...open, startedAt: event.at, closeAt: Date.parse(closeAt) });
    }
    case 'steptimedout': {
      const { timeout, quarantined } = (event as Of<'steptimedout'>).data;
      return still({ ...open, timedOut: quarantined ? 'taken-away' : timeout });
    }
    case 'stepsucceeded':
      return ended(open, 'succeeded', event.at);
    case 'stepretried':
      return retried(open, event as Of<'stepretried'>);
    case 'stepfailed':
      return failed(open, event.at);
    case 'inputrequired':
      return still(null); // it goes on once somebody answers: neither well nor badly done
  }
};

/** A new lease of the same attempt says what became of the one before. */
const dispatched = (before: OpenAttempt | null, { at, data }: Of<'stepdispatched'>): Followed => {
  const { attempt, lease, instance, capability, closeAt, reason } = data;
  const open = { attempt, lease, instance, capability, startedAt: null, closeAt: Date.parse(closeAt), timedOut: null };
  const ignored = before?.attempt === attempt && reason === 'no-answer';
  return { open, outcome: ignored ? outcomeOf(before, 'unanswered', at) : null };
};

const retried = (open: OpenAttempt, { at, data: { code, counts, offer } }: Of<'stepretried'>): Followed => {
  if (code === 'NOT_ACCEPTED' && !counts) return offer === 'no-answer' ? ended(open, 'unanswered', at) : still(null);
  return failed(open, at);
};

const failed = (open: OpenAttempt, at: number): Followed => {
  switch (open.timedOut) {
    case 'taken-away':
      return still(null);
    case 'heartbeat':
      return ended(open, 'lost', at);
    case 'start-to-close':
      return ended(open, 'timed-out', at);
    default:
      return ended(open, 'failed', at);
  }
};

const ended = (open: OpenAttempt, result: AttemptResult, at: number): Followed => ({ open: null, outcome: outcomeOf(open, result, at) });

const outcomeOf = ({ instance, capability, startedAt, closeAt }: OpenAttempt, result: AttemptResult, at: number): AttemptOutcome => ({
  instance,
  capability,
  result,
  late: result === 'timed-out' || (result !== 'unanswered' && result !== 'lost' && at > closeAt),
  ms: result === 'succeeded' && startedAt !== null ? Math.max(0, at - startedAt) : null,
  at,
});
