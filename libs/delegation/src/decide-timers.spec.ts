import { describe, expect, it } from '@jest/globals';
import {
  accepted,
  activeAfter,
  after,
  asks,
  askedPlanner,
  child,
  DAY,
  dispatch,
  done,
  failed,
  fold,
  given,
  MINUTE,
  moment,
  notAccepted,
  request,
  SECOND,
  stepAfter,
  steps,
  steer,
  T0,
  wake,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { dispatchableSteps, nextWakeAt, PLANNING_STEP } from './model.js';
import { backoffMs, childShare, lossBackoffMs, RETRY_CAP_MS } from './policy.js';

const CLOSE = 5 * MINUTE;
const begun = [request(), dispatch('a'), accepted('a')];
const both = [request({ steps: steps({ a: [], b: [] }) }), dispatch('a'), dispatch('b'), accepted('a'), accepted('b')];
const away = { capabilitiesAway: new Set(['search']) };

describe('waking early', () => {
  it.each<[string, DelegationDecisionCommand[], number]>([
    ['before the attempt is over', begun, CLOSE - 1],
    ['before the deadline', [request()], DAY - 1],
    ['while a step waits to be tried again', [...begun, failed('a')], 1],
    ['when it may be tried again: that takes a slot, no timer', [...begun, failed('a')], MINUTE],
    ['while a question is open, however long', [...begun, asks('a')], DAY - 1],
    ['while an approval is due, however long', [request({ approval: 'plan' })], DAY - 1],
  ])('changes nothing: %s', (_when, commands, offset) =>
    given(...after(...commands))
      .when(wake(offset, away))
      .then(),
  );
});

describe('an attempt that takes too long', () => {
  const timedOut = { type: 'steptimedout', data: { stepId: 'a', attempt: 1, timeout: 'start-to-close' } };

  it.each<[string, DelegationDecisionCommand[]]>([
    ['has begun', begun],
    ['was offered', [request(), dispatch('a')]],
    ['was offered, and must not be done twice: it never began', [request(), dispatch('a', { effects: 'at-most-once' })]],
  ])('is tried again, and counts: it %s', (_what, commands) =>
    given(...after(...commands))
      .when(wake(CLOSE, { jitter: 0.5 }))
      .thenMatches(timedOut, {
        type: 'stepretried',
        data: { code: 'START_TO_CLOSE_TIMEOUT', counts: true, retryAt: moment(CLOSE + 375), cancels: [] },
        personal: { error: 'no result within 300000 ms' },
      }),
  );

  it('is over at once when it took the last try', () =>
    given(...after(request({ steps: steps({ a: [] }, { maxAttempts: 1 }) }), dispatch('a'), child()))
      .when(wake(CLOSE))
      .thenMatches(timedOut, { type: 'stepfailed', data: { cancels: ['c1'] } }, { type: 'failed', data: { code: 'STEP_FAILED' } }));

  it('has an unknown outcome when it must not be done twice', () =>
    given(...after(request(), dispatch('a', { effects: 'at-most-once' }), accepted('a')))
      .when(wake(CLOSE))
      .thenMatches(
        timedOut,
        { type: 'stepfailed', data: { code: 'OUTCOME_UNKNOWN' } },
        { type: 'failed', data: { code: 'OUTCOME_UNKNOWN' } },
      ));

  it('has its own timeout, counted from when it began', () => {
    const commands = [
      request({ steps: steps({ a: [] }, { timeout: 'PT2S' }) }),
      dispatch('a'),
      accepted('a', { acceptedAt: T0 + SECOND, now: T0 + SECOND }),
    ];
    given(...after(...commands))
      .when(wake(2 * SECOND))
      .then();
    given(...after(...commands))
      .when(wake(3 * SECOND))
      .thenMatches(timedOut, { type: 'stepretried' });
  });

  it('times out beside others', () =>
    given(...after(...both))
      .when(wake(CLOSE))
      .thenMatches(
        timedOut,
        { type: 'stepretried', data: { stepId: 'a' } },
        { type: 'steptimedout', data: { stepId: 'b' } },
        { type: 'stepretried', data: { stepId: 'b' } },
      ));

  it('fails the delegation once, whatever times out beside it', () =>
    given(...after(request({ steps: steps({ a: [], b: [] }, { maxAttempts: 1 }) }), dispatch('a'), dispatch('b')))
      .when(wake(CLOSE))
      .thenMatches(timedOut, { type: 'stepfailed', data: { stepId: 'a' } }, { type: 'failed' }));
});

describe('a start that is still to come', () => {
  const later = request({ delay: 'PT10M', budget: { deadline: 'PT1H' } });

  it('is waited for, and the deadline counts from it', () => {
    expect(activeAfter(later)).toMatchObject({ startAt: T0 + 10 * MINUTE, budget: { deadlineAt: T0 + 70 * MINUTE } });
    expect(nextWakeAt(activeAfter(later), T0)).toBe(T0 + 10 * MINUTE);
    expect(nextWakeAt(activeAfter(later), T0 + 10 * MINUTE)).toBe(T0 + 70 * MINUTE);
    expect([10 * MINUTE - 1, 10 * MINUTE].map((offset) => dispatchableSteps(activeAfter(later), T0 + offset).length)).toEqual([0, 1]);
    given(...after(later))
      .when(dispatch('a', { now: T0 + 10 * MINUTE - 1 }))
      .then();
  });

  it('may be named as a time; what has passed is now', () => {
    expect(activeAfter(request({ startAt: moment(MINUTE) })).startAt).toBe(T0 + MINUTE);
    expect(activeAfter(request({ startAt: moment(-MINUTE) })).startAt).toBeNull();
    given()
      .when(request({ startAt: moment(MINUTE), delay: 'PT1M' }))
      .thenFails('INVALID_FIELD');
  });

  it('leaves as much time for an approval as one that begins at once', () =>
    expect(after(request({ ...later.request, approval: 'plan', approvalTimeout: 'PT5M' })).at(-1)?.data).toMatchObject({
      expiresAt: moment(15 * MINUTE),
    }));
});

describe('the deadline', () => {
  it.each<[string, DelegationDecisionCommand[]]>([
    ['a step runs', [request({ budget: { deadline: 'PT1M' } }), dispatch('a'), accepted('a')]],
    ['a worker was never found, but is there', [request({ budget: { deadline: 'PT1M' } })]],
    ['a question is open', [request({ budget: { deadline: 'PT1M' } }), dispatch('a'), asks('a')]],
    ['an approval is due', [request({ budget: { deadline: 'PT1M' }, approval: 'plan' })]],
    ['the planner plans', [askedPlanner({ budget: { deadline: 'PT1M' } }), dispatch(PLANNING_STEP)]],
  ])('ends the delegation while %s', (_when, commands) => {
    given(...after(...commands))
      .when(wake(MINUTE))
      .thenMatches({ type: 'failed', data: { code: 'DEADLINE_EXCEEDED', cancels: [] } });
    expect(fold(after(...commands, wake(MINUTE)))).toMatchObject({ status: 'failed', endedAt: T0 + MINUTE });
  });

  it('says when it passed because nobody came', () =>
    given(...after(request({ budget: { deadline: 'PT1M' }, steps: steps({ a: [], b: [], c: ['a'] }) })))
      .when(wake(MINUTE, away))
      .then(
        { type: 'steptimedout', at: T0 + MINUTE, data: { stepId: 'a', attempt: 0, timeout: 'schedule-to-start' } },
        { type: 'steptimedout', at: T0 + MINUTE, data: { stepId: 'b', attempt: 0, timeout: 'schedule-to-start' } },
        {
          type: 'failed',
          at: T0 + MINUTE,
          data: { code: 'NO_WORKER', cancels: [] },
          personal: { error: 'no worker for search came before the deadline' },
        },
      ));

  it('also after an offer that nobody took', () =>
    given(...after(request({ budget: { deadline: 'PT1M' } }), dispatch('a'), notAccepted('a')))
      .when(wake(MINUTE, away))
      .thenMatches({ type: 'steptimedout', data: { attempt: 1 } }, { type: 'failed', data: { code: 'NO_WORKER' } }));

  it("is not the missing worker's fault while another step runs", () => {
    const mixed = request({ budget: { deadline: 'PT1M' }, steps: [...steps({ a: [] }), ...steps({ b: [] }, { capability: 'pay' })] });
    given(...after(mixed, dispatch('a'), accepted('a'), child()))
      .when(wake(MINUTE, { capabilitiesAway: new Set(['pay']) }))
      .thenMatches(
        { type: 'steptimedout', data: { stepId: 'b' } },
        { type: 'failed', data: { code: 'DEADLINE_EXCEEDED', cancels: ['c1'] } },
      );
  });

  it('wins over attempts that time out at the same moment', () =>
    given(...after(request({ budget: { deadline: 'PT5M' } }), dispatch('a'), accepted('a')))
      .when(wake(CLOSE))
      .thenMatches({ type: 'failed', data: { code: 'DEADLINE_EXCEEDED' } }));
});

describe('the next wake', () => {
  it.each<[string, DelegationDecisionCommand[], number | null]>([
    ['is the deadline', [request()], DAY],
    ['is the end of the attempt', begun, CLOSE],
    ['is the end of the first of several', [...both, failed('a')], 250],
    ['is the end of the wait', [...begun, failed('a', { now: T0 + MINUTE })], MINUTE + 250],
    ['is the deadline while a retry that is due waits for a slot', [...begun, failed('a', { now: T0 - MINUTE })], DAY],
    ['is the deadline while a question is open', [...begun, asks('a')], DAY],
    ['is the deadline when that comes first', [request({ budget: { deadline: 'PT1S' } }), dispatch('a')], SECOND],
    ['never comes when all is done', [...begun, done('a')], null],
    ['never comes after a cancel', [...begun, steer('cancel')], null],
    ['never comes before there is anything', [], null],
  ])('%s', (_what, commands, offset) => expect(nextWakeAt(fold(after(...commands)), T0)).toBe(offset === null ? null : T0 + offset));
});

describe('what may be dispatched', () => {
  const chain = request({ steps: steps({ a: [], b: ['a'], c: [] }) });
  it.each<[string, DelegationDecisionCommand[], string[]]>([
    ['the first steps', [chain], ['a', 'c']],
    ['what is not offered yet', [chain, dispatch('a')], ['c']],
    ['what waited for the first', [chain, dispatch('a'), done('a')], ['b', 'c']],
    ['nothing of an unapproved plan', [request({ approval: 'plan' })], []],
    ['nothing that waits', [...begun, failed('a')], []],
  ])('%s', (_what, commands, ids) => expect(dispatchableSteps(activeAfter(...commands), T0).map((step) => step.plan.id)).toEqual(ids));

  it('is nothing when it has ended', () => expect(dispatchableSteps(fold(after(request(), steer('cancel'))), T0)).toEqual([]));

  it('is what waited, once it has waited', () => {
    expect(dispatchableSteps(activeAfter(...begun, failed('a')), T0 + 250)).toEqual([stepAfter('a', ...begun, failed('a'))]);
  });
});

describe('waits', () => {
  it.each<[number, number, number]>([
    [1, 0, 250],
    [1, 1, 500],
    [2, 0, 500],
    [3, 0.5, 1_500],
    [7, 0, 16_000],
    [8, 1, RETRY_CAP_MS],
    [100, 0, RETRY_CAP_MS / 2],
    [5_000, 1, RETRY_CAP_MS],
  ])('after failure %i with jitter %d: %i ms', (failures, jitter, expected) => expect(backoffMs(failures, jitter)).toBe(expected));

  it.each<[number, number]>([
    [0, 0],
    [1, 250],
    [2, 500],
    [50, RETRY_CAP_MS / 2],
  ])('after %i losses before: %i ms', (losses, expected) => expect(lossBackoffMs(losses, 0)).toBe(expected));

  it.each<[number, number]>([
    [0, 0],
    [1, 1],
    [9, 2],
    [256, 32],
  ])('of %i steps left a child gets %i', (left, share) => expect(childShare(left)).toBe(share));
});
