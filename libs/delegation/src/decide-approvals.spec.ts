import { describe, expect, it } from '@jest/globals';
import {
  after,
  answer,
  asks,
  DAY,
  dispatch,
  done,
  fold,
  given,
  ID,
  moment,
  request,
  SECOND,
  stepAfter,
  steps,
  steer,
  T0,
  wake,
} from '../spec/scenes.js';
import { approvalSubject } from './approval.js';
import type { DelegationEvent } from './events.js';
import { nextWakeAt } from './model.js';

const pay = request({ steps: steps({ a: [] }, { irreversible: true }) });
const twoPay = request({ steps: steps({ a: [], b: [] }, { irreversible: true }) });
const wholePlan = request({ approval: 'plan', steps: steps({ a: [], b: ['a'] }) });

/** As the writer stores them: each approval with the digest of its step, or `plan`. */
const bound = (events: DelegationEvent[]): DelegationEvent[] =>
  events.map((event) =>
    event.type === 'approvalrequested'
      ? { ...event, data: { ...event.data, digest: event.data.scope === 'plan' ? 'plan' : `of ${event.data.stepId}` } }
      : event,
  );

describe('an approval', () => {
  it.each([
    ['the step', pay, { scope: 'step', stepId: 'a' }],
    ['the plan', wholePlan, { scope: 'plan' }],
  ])('of %s is asked for with its end', (_what, command, scope) => {
    const [asked] = after(command).filter(({ type }) => type === 'approvalrequested');
    expect(asked).toEqual({ type: 'approvalrequested', at: T0, data: { ...scope, expiresAt: moment(DAY) } });
  });

  it('is waited for as long as the request says, and never beyond the deadline', () => {
    const asking = { steps: steps({ a: [] }, { irreversible: true }), approvalTimeout: 'PT1H' };
    expect(after(request(asking)).at(-1)?.data).toMatchObject({ expiresAt: moment(3600 * SECOND) });
    expect(after(request({ ...asking, budget: { deadline: 'PT1M' } })).at(-1)?.data).toMatchObject({ expiresAt: moment(60 * SECOND) });
  });

  it('names what was approved', () =>
    given(...bound(after(pay)))
      .when(steer('approve', { digest: 'of a' }))
      .thenMatches({ type: 'approved', data: { scope: 'step', stepId: 'a', digest: 'of a', by: 'grace' } }));

  it.each(['approve', 'deny'] as const)('%s of something else than what would run is refused', (type) =>
    given(...bound(after(pay)))
      .when(steer(type, { digest: 'of b' }))
      .thenFails('DIGEST_MISMATCH'),
  );

  it('finds its step by the digest', () =>
    given(...bound(after(twoPay)))
      .when(steer('approve', { digest: 'of b' }))
      .thenMatches({ type: 'approved', data: { stepId: 'b' } }));

  it('counts once', () =>
    given(...bound(after(twoPay, steer('approve', { stepId: 'a' }))))
      .when(steer('approve', { commandId: 'again', digest: 'of a' }))
      .thenFails('DIGEST_MISMATCH'));

  it('is not for who asked for the delegation', () => {
    given(...after(pay))
      .when(steer('approve', { by: 'ada' }))
      .thenFails('SELF_APPROVAL');
    given(...after(pay))
      .when(steer('deny', { by: 'ada' }))
      .thenMatches({ type: 'denied' }, { type: 'failed' });
  });

  it('says so where it is, because the administrator asked', () =>
    given(...after(pay))
      .when(steer('approve', { by: 'ada', mayApproveOwn: true }))
      .thenMatches({ type: 'approved', data: { by: 'ada', own: true } }));

  it('is asked for anew when an answer changes what runs', () => {
    const asked = [pay, steer('approve'), dispatch('a'), asks('a')];
    given(...after(...asked))
      .when(answer('q1', { now: T0 + SECOND }))
      .thenMatches({ type: 'answered' }, { type: 'approvalrequested', data: { scope: 'step', stepId: 'a' } });
    expect(stepAfter('a', ...asked, answer('q1')).approval).toBe('requested');
  });
});

describe('an approval that nobody gives', () => {
  const hasty = request({ steps: steps({ a: [] }, { irreversible: true }), approvalTimeout: 'PT10S' });

  it('wakes the delegation, and ends it', () => {
    expect(nextWakeAt(fold(after(hasty)), T0)).toBe(T0 + 10 * SECOND);
    given(...after(hasty))
      .when(wake(10 * SECOND - 1))
      .then();
    given(...after(hasty))
      .when(wake(10 * SECOND))
      .thenMatches(
        { type: 'approvalexpired', data: { scope: 'step', stepId: 'a' } },
        { type: 'failed', data: { code: 'APPROVAL_EXPIRED', stepId: 'a' } },
      );
  });

  it('comes too late even when the timer does', () =>
    given(...after(hasty))
      .when(steer('approve', { now: T0 + 10 * SECOND }))
      .thenMatches({ type: 'approvalexpired' }, { type: 'failed', data: { code: 'APPROVAL_EXPIRED' } }));

  it('does not wake one that was given', () => expect(nextWakeAt(fold(after(hasty, steer('approve'))), T0)).toBe(T0 + DAY));

  it('waits until the deadline in histories that had no end', () => {
    const old = after(hasty).map((event) =>
      event.type === 'approvalrequested' ? { ...event, data: { scope: 'step', stepId: 'a' } as const } : event,
    );
    given(...old)
      .when(wake(10 * SECOND))
      .then();
    given(...old)
      .when(steer('approve', { now: T0 + 20 * SECOND }))
      .thenMatches({ type: 'approved' });
  });
});

describe('what is approved', () => {
  const subject = (scope: Parameters<typeof approvalSubject>[1], ...commands: Parameters<typeof after>): unknown => {
    const state = fold(after(...commands));
    return state.status === 'active' ? approvalSubject(state, scope) : null;
  };

  it('is the step with all that its worker gets', () => {
    const specs = [
      { id: 'a', capability: 'search' },
      { id: 'b', capability: 'pay', dependsOn: ['a'], irreversible: true, input: { to: 'Bob' } },
    ];
    expect(subject({ scope: 'step', stepId: 'b' }, request({ steps: specs }), dispatch('a'), done('a', { iban: 'X' }))).toEqual({
      delegationId: ID,
      stepId: 'b',
      capability: 'pay',
      goal: 'Write a report',
      input: { to: 'Bob' },
      results: { a: { iban: 'X' } },
    });
  });

  it('is the whole plan', () =>
    expect(subject({ scope: 'plan' }, wholePlan)).toMatchObject({
      delegationId: ID,
      goal: 'Write a report',
      steps: [
        { stepId: 'a', capability: 'search', dependsOn: [], irreversible: false, timeoutMs: 300_000, maxAttempts: 3 },
        { stepId: 'b', dependsOn: ['a'] },
      ],
    }));
});
