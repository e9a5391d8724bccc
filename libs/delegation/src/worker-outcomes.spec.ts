import { describe, expect, it } from '@jest/globals';
import {
  accepted,
  after,
  asks,
  dispatch,
  done,
  failed,
  lost,
  MINUTE,
  notAccepted,
  request,
  SECOND,
  steer,
  steps,
  T0,
  wake,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { ATTEMPT_EVENTS, ENDS_ALL, followAttempt, type AttemptEvent, type AttemptOutcome, type OpenAttempt } from './worker-outcomes.js';

const one = request({ steps: steps({ a: [] }, { timeout: 'PT1M' }) });

/** What the log of these commands says of the attempts of step a. */
const outcomes = (...commands: DelegationDecisionCommand[]): { outcomes: AttemptOutcome[]; open: OpenAttempt | null } => {
  let open: OpenAttempt | null = null;
  const found: AttemptOutcome[] = [];
  for (const event of after(one, ...commands)) {
    if ((ENDS_ALL as readonly string[]).includes(event.type)) open = null;
    if (!(ATTEMPT_EVENTS as readonly string[]).includes(event.type)) continue;
    const followed = followAttempt(open, event as AttemptEvent);
    open = followed.open;
    if (followed.outcome) found.push(followed.outcome);
  }
  return { outcomes: found, open };
};
const began = [dispatch('a'), accepted('a', { acceptedAt: T0 + SECOND, now: T0 + SECOND })];
const at = <Command extends DelegationDecisionCommand>(command: Command, now: number): Command => ({ ...command, now });

describe('an attempt', () => {
  it('that succeeds says how long it took from its acceptance on', () =>
    expect(outcomes(...began, at(done('a'), T0 + 3 * SECOND))).toEqual({
      outcomes: [{ instance: 'w1', capability: 'search', result: 'succeeded', late: false, ms: 2 * SECOND, at: T0 + 3 * SECOND }],
      open: null,
    }));

  it.each<[string, DelegationDecisionCommand[], Partial<AttemptOutcome>]>([
    ['fails', [...began, failed('a')], { result: 'failed', late: false, ms: null }],
    ['takes too long', [...began, wake(2 * MINUTE)], { result: 'timed-out', late: true }],
    ['succeeds when its time is over', [...began, at(done('a'), T0 + 2 * MINUTE)], { result: 'succeeded', late: true }],
    ['loses its worker', [...began, lost('a')], { result: 'lost', late: false }],
    ['is not answered by anybody', [dispatch('a'), notAccepted('a', { reason: 'no-answer' })], { result: 'unanswered' }],
    [
      'goes to another worker because the first one is silent',
      [dispatch('a'), dispatch('a', { instance: 'w2', reason: 'no-answer' })],
      { result: 'unanswered', instance: 'w1' },
    ],
  ])('that %s counts against its worker', (_what, commands, outcome) =>
    expect(outcomes(...commands).outcomes).toEqual([expect.objectContaining({ instance: 'w1', ...outcome })]),
  );

  it.each<[string, DelegationDecisionCommand[]]>([
    ['asks a question', [...began, asks('a')]],
    ['is declined, which workers may', [dispatch('a'), notAccepted('a', { reason: 'declined' })]],
    ['is canceled', [...began, steer('cancel')]],
    ['is taken away by a quarantine', [...began, { ...lost('a'), quarantined: true }]],
  ])('that %s says nothing about its worker', (_what, commands) => expect(outcomes(...commands)).toEqual({ outcomes: [], open: null }));

  it('that goes on is open, under its last lease', () =>
    expect(outcomes(dispatch('a'), dispatch('a', { instance: 'w2', reason: 'declined' }))).toEqual({
      outcomes: [],
      open: expect.objectContaining({ attempt: 1, lease: 2, instance: 'w2', startedAt: null }),
    }));

  it('is not ended by news of another one', () => {
    const open = outcomes(...began).open as OpenAttempt;
    const stray = { type: 'stepfailed' as const, at: T0, data: { stepId: 'a', attempt: 7, code: 'X', cancels: [] } };
    expect(followAttempt(open, stray)).toEqual({ open, outcome: null });
    expect(followAttempt(null, stray)).toEqual({ open: null, outcome: null });
  });
});
