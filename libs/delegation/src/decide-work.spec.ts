import { describe, expect, it } from '@jest/globals';
import type { StepSpec } from '@mandate/contracts';
import {
  accepted,
  after,
  AGENTS,
  answer,
  asks,
  child,
  dispatch,
  done,
  failed,
  fold,
  given,
  lost,
  MINUTE,
  moment,
  notAccepted,
  request,
  result,
  SECOND,
  stepAfter,
  steps,
  steer,
  T0,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { decide } from './decide.js';
import type { DelegationEvent } from './events.js';
import { MAX_LOSSES } from './policy.js';

const asked = request();
const twoSteps = request({ steps: steps({ a: [], b: ['a'] }) });
const begun = [asked, dispatch('a'), accepted('a')];
const once = [asked, dispatch('a', { effects: 'at-most-once' }), accepted('a')];
const tries = (maxAttempts: number, more: Partial<StepSpec> = {}): DelegationDecisionCommand =>
  request({ steps: steps({ a: [] }, { maxAttempts, ...more }) });

describe('dispatch', () => {
  const dispatched = (data: object): DelegationEvent[] =>
    [
      {
        type: 'stepdispatched',
        at: T0,
        data: {
          stepId: 'a',
          attempt: 1,
          lease: 1,
          instance: 'w1',
          capability: 'search',
          effects: 'idempotent',
          reason: 'first',
          closeAt: moment(5 * MINUTE),
          ...data,
        },
      },
    ] as DelegationEvent[];

  it('begins the first attempt', () =>
    given(...after(asked))
      .when(dispatch('a'))
      .then(...dispatched({})));

  it('begins another attempt once its wait is over', () => {
    const waiting = after(...begun, failed('a'));
    given(...waiting)
      .when(dispatch('a', { reason: 'retry', now: T0 + 249 }))
      .then();
    given(...waiting)
      .when(dispatch('a', { reason: 'retry', now: T0 + 250 }))
      .thenMatches({ type: 'stepdispatched', data: { attempt: 2, lease: 1, reason: 'retry' } });
  });

  it('offers an attempt that never began to another worker, under a new lease', () =>
    given(...after(asked, dispatch('a')))
      .when(dispatch('a', { instance: 'w2', reason: 'declined', effects: 'none' }))
      .then(...dispatched({ lease: 2, instance: 'w2', reason: 'declined', effects: 'none' })));

  const irreversible = request({ steps: steps({ a: [] }, { irreversible: true }) });
  it.each<[string, string, DelegationDecisionCommand[]]>([
    ['has begun', 'a', begun],
    ['asks a question', 'a', [...begun, asks('a')]],
    ['has succeeded', 'a', [twoSteps, dispatch('a'), done('a')]],
    ['does not exist', 'z', [asked]],
    ['waits for another one', 'b', [twoSteps]],
    ['waits for its approval', 'a', [irreversible]],
    ['waits for the approval of the plan', 'a', [request({ approval: 'plan' })]],
  ])('does not touch a step that %s', (_why, stepId, commands) =>
    given(...after(...commands))
      .when(dispatch(stepId))
      .then(),
  );
});

describe('an acceptance', () => {
  it('begins the attempt, and its time, when the worker accepted', () =>
    given(...after(asked, dispatch('a')))
      .when(accepted('a', { acceptedAt: T0 + 30, now: T0 + 40 }))
      .then({
        type: 'stepstarted',
        at: T0 + 30,
        data: { stepId: 'a', attempt: 1, instance: 'w1', closeAt: moment(5 * MINUTE + 30) },
      }));

  it.each<[string, DelegationDecisionCommand[], number]>([
    ['comes again', begun, 1],
    ['is of an attempt that was', [...begun, failed('a'), dispatch('a', { now: T0 + SECOND })], 1],
    ['is of an attempt that is not yet', [asked, dispatch('a')], 2],
    ['comes before any offer', [asked], 1],
  ])('changes nothing when it %s', (_why, commands, attempt) =>
    given(...after(...commands))
      .when(accepted('a', { attempt }))
      .then(),
  );

  it('keeps when the step first began', () => {
    const again = [failed('a'), dispatch('a', { now: T0 + SECOND }), accepted('a', { attempt: 2, acceptedAt: T0 + SECOND })];
    expect(stepAfter('a', ...begun, ...again)).toMatchObject({ attempt: 2, startedAt: T0 });
  });
});

describe('a result', () => {
  it('records the acceptance that was not recorded yet', () =>
    given(...after(twoSteps, dispatch('a')))
      .when(done('a', 'found', { acceptedAt: T0 + 5, now: T0 + 9 }))
      .thenMatches({ type: 'stepstarted', at: T0 + 5 }, { type: 'stepsucceeded', at: T0 + 9, personal: { output: 'found' } }));

  it('completes the step, and with the last one the delegation', () => {
    const all = request({ steps: steps({ a: [], b: ['a'], c: ['a'] }) });
    const two = after(all, dispatch('a'), done('a'), dispatch('b'), done('b'), dispatch('c'), accepted('c'));
    given(...two)
      .when(result('c', { status: 'completed', usage: { tokens: 7 } }, { output: { bytes: 4 }, now: T0 + 9 }))
      .then(
        {
          type: 'stepsucceeded',
          at: T0 + 9,
          data: { stepId: 'c', attempt: 1, bytes: 4, usage: { tokens: 7 } },
          personal: { output: null },
        },
        { type: 'completed', at: T0 + 9, data: { steps: 3, sinks: ['b', 'c'] } },
      );
  });

  it('asks for the approvals that are due next', () => {
    const paid = request({ steps: [...steps({ a: [] }), ...steps({ pay: ['a'] }, { irreversible: true })] });
    given(...after(paid, dispatch('a'), accepted('a')))
      .when(done('a'))
      .thenMatches({ type: 'stepsucceeded' }, { type: 'approvalrequested', data: { scope: 'step', stepId: 'pay' } });
  });

  it('keeps the digest of an output that is too large to stand inline', () => {
    const large = done('a', 'long', { output: { bytes: 70_000, sha256: 'abc' } });
    expect(stepAfter('a', ...begun, large).phase).toEqual({
      status: 'succeeded',
      output: { kind: 'reference', sha256: 'abc', bytes: 70_000 },
      endedAt: T0,
    });
  });

  it('may be progress, as often as the worker likes', () =>
    given(...after(...begun, result('a', { status: 'progress', progress: 0.1 })))
      .when(result('a', { status: 'progress', progress: { percent: 20 } }))
      .then({ type: 'stepprogressed', at: T0, data: { stepId: 'a', attempt: 1 }, personal: { progress: { percent: 20 } } }));

  it.each<[string, DelegationDecisionCommand[], number]>([
    ['attempt that was', [...begun, failed('a'), dispatch('a', { now: T0 + SECOND })], 1],
    ['attempt that waits to be tried again', [...begun, failed('a')], 1],
    ['attempt that has reported', [twoSteps, dispatch('a'), done('a')], 1],
    ['attempt that asked a question', [...begun, asks('a')], 1],
    ['step that was never offered', [asked], 0],
  ])('of an %s is fenced off', (_why, commands, attempt) =>
    given(...after(...commands))
      .when(done('a', 'late', { attempt }))
      .thenFails('LEASE_NOT_CURRENT'),
  );

  it('does not plan unless it was asked to', () =>
    given(...after(...begun))
      .when(result('a', { status: 'completed', plan: steps({ x: [] }) }))
      .thenMatches({ type: 'stepfailed', data: { code: 'UNEXPECTED_PLAN' } }, { type: 'failed', data: { code: 'STEP_FAILED' } }));
});

describe('a failure', () => {
  it('is tried again later, with the next wait twice as long', () => {
    given(...after(...begun))
      .when(failed('a', { jitter: 0.5 }))
      .then({
        type: 'stepretried',
        at: T0,
        data: { stepId: 'a', attempt: 1, code: 'BAD_DAY', counts: true, retryAt: moment(375), cancels: [] },
        personal: { error: 'it rained' },
      });
    given(...after(...begun, failed('a'), dispatch('a', { now: T0 + SECOND })))
      .when(failed('a', { attempt: 2, jitter: 0.5 }))
      .thenMatches({ type: 'stepstarted' }, { type: 'stepretried', data: { attempt: 2, retryAt: moment(750) } });
  });

  it('fails the delegation when it was the last attempt', () =>
    given(...after(tries(1), dispatch('a'), accepted('a'), child()))
      .when(failed('a'))
      .then(
        {
          type: 'stepfailed',
          at: T0,
          data: { stepId: 'a', attempt: 1, code: 'BAD_DAY', retryable: true, cancels: ['c1'] },
          personal: { error: 'it rained' },
        },
        {
          type: 'failed',
          at: T0,
          data: { code: 'STEP_FAILED', stepId: 'a', cancels: ['c1'] },
          personal: { error: 'step a failed for good after 1 attempt(s): BAD_DAY: it rained' },
        },
      ));

  it.each<[string, DelegationDecisionCommand[], DelegationDecisionCommand]>([
    ['its worker says so', begun, failed('a', {}, false)],
    ['it must not be done twice', once, failed('a')],
    [
      'it has failed as often as it may',
      [tries(2), dispatch('a'), failed('a'), dispatch('a', { now: T0 + SECOND })],
      failed('a', { attempt: 2 }),
    ],
  ])('is for good when %s', (_why, commands, command) => {
    const events = decide(command, fold(after(...commands)));
    expect(events.slice(-2)).toMatchObject([{ type: 'stepfailed' }, { type: 'failed', data: { code: 'STEP_FAILED', stepId: 'a' } }]);
  });

  it('cancels what still runs', () => {
    const both = [request({ steps: steps({ a: [], b: [] }) }), dispatch('a'), dispatch('b')];
    expect(stepAfter('b', ...both, failed('a', {}, false)).phase).toEqual({ status: 'canceled', endedAt: T0 });
  });

  it('takes the children of its attempt with it, and leaves the others', () => {
    const both = request({ steps: steps({ a: [], b: [] }) });
    const other = child({}, { childId: 'c2', stepId: 'b' });
    given(...after(both, dispatch('a'), accepted('a'), dispatch('b'), child(), other))
      .when(failed('a'))
      .thenMatches({ type: 'stepretried', data: { cancels: ['c1'] } });
  });

  it('is not taken for the loss of a worker because it is called so', () => {
    const named = result('a', { status: 'failed', error: { code: 'WORKER_LOST', message: 'so it says' } });
    expect(stepAfter('a', ...begun, named)).toMatchObject({ failures: 1, losses: 0 });
  });
});

describe('a question', () => {
  it('stops the attempt until it is answered', () => {
    given(...after(...begun, child()))
      .when(asks('a'))
      .then({
        type: 'inputrequired',
        at: T0,
        data: { stepId: 'a', attempt: 1, questionId: 'q1', cancels: ['c1'] },
        personal: { text: 'Which year?' },
      });
    expect(stepAfter('a', ...begun, asks('a')).phase).toEqual({ status: 'input-required', question: { id: 'q1', text: 'Which year?' } });
  });

  it('says how the answer must look, when it does', () => {
    const schema = { type: 'integer' };
    const question = result('a', { status: 'input_required', question: { id: 'q1', text: 'Which year?', schema } });
    expect(stepAfter('a', ...begun, question).phase).toMatchObject({ question: { schema } });
  });

  it('is answered by a new attempt that has all answers', () => {
    const first = [...begun, asks('a'), answer('q1'), dispatch('a')];
    expect(stepAfter('a', ...first)).toMatchObject({ attempt: 2, failures: 0, answers: { q1: 2026 } });
    const second = [asks('a', { attempt: 2 }, 'q2'), answer('q2', { commandId: 'answer-2', answer: 'May' })];
    expect(stepAfter('a', ...first, ...second).answers).toEqual({ q1: 2026, q2: 'May' });
  });
});

describe('an offer that nobody took', () => {
  it('waits a moment and counts for nothing', () => {
    given(...after(asked, dispatch('a')))
      .when(notAccepted('a', { reason: 'no-answer' }))
      .then({
        type: 'stepretried',
        at: T0,
        data: { stepId: 'a', attempt: 1, code: 'NOT_ACCEPTED', counts: false, retryAt: moment(250), cancels: [], offer: 'no-answer' },
        personal: { error: 'worker w1: no-answer' },
      });
    expect(stepAfter('a', asked, dispatch('a'), notAccepted('a'))).toMatchObject({ failures: 0, losses: 0 });
  });

  it.each<[string, DelegationDecisionCommand[]]>([
    ['the attempt has begun', begun],
    ['it was offered elsewhere since', [asked, dispatch('a'), dispatch('a', { instance: 'w2' })]],
    ['it waits already', [asked, dispatch('a'), notAccepted('a')]],
  ])('changes nothing when %s', (_why, commands) =>
    given(...after(...commands))
      .when(notAccepted('a'))
      .then(),
  );
});

describe('a lost worker', () => {
  const lossesOf = (count: number): DelegationDecisionCommand[] =>
    Array.from({ length: count }, (_, i) => [
      dispatch('a', { now: T0 + (i + 1) * MINUTE }),
      lost('a', { attempt: i + 1, now: T0 + (i + 1) * MINUTE }),
    ]).flat();

  it.each<[string, DelegationDecisionCommand[]]>([
    ['had begun', begun],
    ['had not begun', [asked, dispatch('a')]],
    ['had not begun what must not be done twice', [asked, dispatch('a', { effects: 'at-most-once' })]],
    ['had the only attempt', [tries(1), dispatch('a'), accepted('a')]],
  ])('that %s is replaced at once, and the step not blamed', (_why, commands) =>
    given(...after(...commands))
      .when(lost('a'))
      .then(
        { type: 'steptimedout', at: T0, data: { stepId: 'a', attempt: 1, timeout: 'heartbeat' } },
        {
          type: 'stepretried',
          at: T0,
          data: { stepId: 'a', attempt: 1, code: 'WORKER_LOST', counts: false, retryAt: moment(0), cancels: [] },
          personal: { error: 'worker w1 was lost' },
        },
      ),
  );

  it('leaves an unknown outcome when it had begun what must not be done twice', () =>
    given(...after(...once))
      .when(lost('a'))
      .thenMatches(
        { type: 'steptimedout', data: { timeout: 'heartbeat' } },
        { type: 'stepfailed', data: { code: 'OUTCOME_UNKNOWN' } },
        { type: 'failed', data: { code: 'OUTCOME_UNKNOWN', stepId: 'a' } },
      ));

  it('makes the next one wait once it happened before', () => {
    const at = T0 + 10 * MINUTE;
    given(...after(asked, ...lossesOf(2), dispatch('a', { now: at })))
      .when(lost('a', { attempt: 3, now: at }))
      .thenMatches({}, { type: 'stepretried', data: { retryAt: moment(10 * MINUTE + 500) } });
  });

  it(`is one too many after ${MAX_LOSSES}: the step may be what kills them`, () => {
    const at = T0 + 60 * MINUTE;
    const events = after(request({ budget: { deadline: 'P1D' } }), ...lossesOf(MAX_LOSSES), dispatch('a', { now: at }));
    expect(fold(events)).toMatchObject({ status: 'active', steps: { a: { losses: MAX_LOSSES, failures: 0 } } });
    given(...events)
      .when(lost('a', { attempt: MAX_LOSSES + 1, now: at }))
      .thenMatches({}, { type: 'stepfailed', data: { code: 'WORKER_LOST' } }, { type: 'failed', data: { code: 'STEP_FAILED' } });
  });

  it.each<[string, DelegationDecisionCommand[], number]>([
    ['has reported', [twoSteps, dispatch('a'), done('a')], 1],
    ['had an attempt that was', [...begun, failed('a'), dispatch('a', { now: T0 + SECOND })], 1],
    ['asked a question', [...begun, asks('a')], 1],
    ['worked for what has ended', [...begun, steer('cancel')], 1],
  ])('that %s changes nothing', (_why, commands, attempt) =>
    given(...after(...commands))
      .when(lost('a', { attempt, agents: AGENTS }))
      .then(),
  );
});
