import { describe, expect, it } from '@jest/globals';
import type { StepSpec } from '@mandate/contracts';
import {
  accepted,
  after,
  answer,
  asks,
  child,
  DAY,
  dispatch,
  done,
  failed,
  fold,
  given,
  lost,
  moment,
  request,
  result,
  SECOND,
  steer,
  T0,
  wake,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { dispatchableSteps } from './model.js';
import { toView } from './view.js';

const step = (id: string, more: Partial<StepSpec> = {}): StepSpec => ({ id, capability: 'search', ...more });
const undone = (id: string): Partial<StepSpec> => ({ compensate: { capability: 'pay', goal: `take ${id} back`, input: { of: id } } });
const trip = request({
  steps: [step('hotel', undone('hotel')), step('car', undone('car')), step('taxi'), step('flight', { maxAttempts: 1 })],
});
const at = (seconds: number): { now: number } => ({ now: T0 + seconds * SECOND });

/** The hotel first, the car later, the taxi too; the flight runs. */
const booked = [
  trip,
  dispatch('hotel'),
  done('hotel', 'room 7', at(1)),
  dispatch('car'),
  done('car', 'red', at(2)),
  dispatch('taxi'),
  done('taxi', 'x', at(3)),
  dispatch('flight'),
];
const crashed = [...booked, failed('flight', at(4))];
const ready = (...commands: DelegationDecisionCommand[]): string[] =>
  dispatchableSteps(fold(after(...commands)), T0 + DAY / 2).map(({ plan }) => plan.id);

describe('before a delegation fails, what succeeded is undone', () => {
  it('in reverse order of success', () => {
    given(...after(...booked))
      .when(failed('flight', at(4)))
      .thenMatches(
        { type: 'stepstarted' },
        { type: 'stepfailed', data: { stepId: 'flight' } },
        {
          type: 'compensating',
          data: {
            outcome: 'failed',
            code: 'STEP_FAILED',
            stepId: 'flight',
            deadlineAt: moment(DAY + 4 * SECOND),
            undo: [
              { id: 'mandate-undo-1', compensates: 'car', capability: 'pay' },
              { id: 'mandate-undo-2', compensates: 'hotel', capability: 'pay' },
            ],
          },
        },
      );
    expect(ready(...crashed)).toEqual(['mandate-undo-1']);
    expect(ready(...crashed, dispatch('mandate-undo-1', at(5)))).toEqual([]);
    expect(ready(...crashed, dispatch('mandate-undo-1', at(5)), done('mandate-undo-1', null, at(6)))).toEqual(['mandate-undo-2']);
  });

  it('with its own goal and input, and the output of what is undone', () =>
    expect(fold(after(...crashed))).toMatchObject({
      steps: { 'mandate-undo-2': { plan: { goal: 'take hotel back', input: { of: 'hotel' }, dependsOn: ['hotel'] } } },
    }));

  const both = [...crashed, dispatch('mandate-undo-1', at(5)), done('mandate-undo-1', null, at(6)), dispatch('mandate-undo-2', at(6))];

  it('and then it fails as it would have', () => {
    given(...after(...both))
      .when(done('mandate-undo-2', null, at(7)))
      .thenMatches(
        { type: 'stepstarted' },
        { type: 'stepsucceeded' },
        {
          type: 'failed',
          data: { code: 'STEP_FAILED', stepId: 'flight' },
          personal: { error: 'step flight failed for good after 1 attempt(s): BAD_DAY: it rained' },
        },
      );
  });

  it('also when one of them cannot be undone, which is said', () => {
    const stuck = [...crashed, dispatch('mandate-undo-1', at(5)), failed('mandate-undo-1', at(6), false)];
    expect(ready(...stuck)).toEqual(['mandate-undo-2']);
    given(...after(...stuck, dispatch('mandate-undo-2', at(7))))
      .when(done('mandate-undo-2', null, at(8)))
      .thenMatches({ type: 'stepstarted' }, { type: 'stepsucceeded' }, { type: 'failed', data: { notUndone: ['car'] } });
  });

  it('with attempts of its own, over lost workers and failures', () => {
    const again = [...crashed, dispatch('mandate-undo-1', at(5)), failed('mandate-undo-1', at(6)), dispatch('mandate-undo-1', at(60))];
    given(...after(...again))
      .when(lost('mandate-undo-1', { attempt: 2, ...at(70) }))
      .thenMatches({ type: 'steptimedout' }, { type: 'stepretried', data: { counts: false } });
  });

  it('in sight of everyone', () => {
    expect(toView(fold(after(...crashed)))).toMatchObject({
      state: 'TASK_STATE_WORKING',
      ending: { state: 'TASK_STATE_FAILED', error: { code: 'STEP_FAILED' } },
      steps: [{}, {}, {}, {}, { id: 'mandate-undo-1', compensates: 'car' }, { compensates: 'hotel' }],
    });
    expect(toView(fold(after(...both, done('mandate-undo-2', null, at(7)))))).toMatchObject({ state: 'TASK_STATE_FAILED' });
  });

  it('even when the money is spent', () => {
    const dear = [...booked.slice(0, 1), dispatch('hotel')];
    const spent = result('hotel', { status: 'completed', output: 1, usage: { usd: '2.00' } }, at(1));
    const poor = request({ ...trip.request, budget: { usd: '1.00' } });
    expect(after(poor, ...dear.slice(1), spent).slice(-1)).toMatchObject([{ type: 'compensating', data: { code: 'BUDGET_EXCEEDED' } }]);
    expect(ready(poor, ...dear.slice(1), spent)).toEqual(['mandate-undo-1']);
  });

  it('even when the deadline has passed, and not for ever', () => {
    const late = [...booked, wake(DAY)];
    expect(after(...late).at(-1)).toMatchObject({ type: 'compensating', data: { code: 'DEADLINE_EXCEEDED', deadlineAt: moment(2 * DAY) } });
    given(...after(...late))
      .when(wake(2 * DAY))
      .thenMatches({ type: 'failed', data: { code: 'DEADLINE_EXCEEDED', notUndone: ['car', 'hotel'] } });
  });
});

describe('a cancel', () => {
  const canceled = [...booked, child({}, { stepId: 'flight' }), steer('cancel', { reason: 'rain', now: T0 + 5 * SECOND })];

  it('stops what runs, and its children, at once', () => {
    expect(after(...canceled).at(-1)).toMatchObject({ type: 'compensating', data: { outcome: 'canceled', by: 'grace', cancels: ['c1'] } });
    expect(fold(after(...canceled))).toMatchObject({ steps: { flight: { phase: { status: 'canceled' } } } });
  });

  it('ends as canceled, once all is undone', () => {
    const undo = [dispatch('mandate-undo-1', at(6)), done('mandate-undo-1', null, at(7)), dispatch('mandate-undo-2', at(8))];
    given(...after(...canceled, ...undo))
      .when(done('mandate-undo-2', null, at(9)))
      .thenMatches(
        { type: 'stepstarted' },
        { type: 'stepsucceeded' },
        { type: 'canceled', data: { by: 'grace' }, personal: { reason: 'rain' } },
      );
  });

  it.each([
    ['another cancel', steer('cancel', { commandId: 'again' })],
    ['a late acceptance', accepted('flight')],
  ])('is not disturbed by %s', (_what, command) =>
    given(...after(...canceled))
      .when(command)
      .then(),
  );

  it('needs no compensation where nothing succeeded that has one', () =>
    given(...after(trip, dispatch('taxi'), done('taxi')))
      .when(steer('cancel'))
      .thenMatches({ type: 'canceled' }));

  it('stops what waits for people, too', () => {
    const steps = [step('hotel', undone('hotel')), step('flight', { irreversible: true }), step('visa')];
    const waiting = [request({ steps, approvalTimeout: 'PT10S' }), dispatch('hotel'), done('hotel'), dispatch('visa'), asks('visa')];
    const ended = [...waiting, steer('cancel')];
    given(...after(...ended))
      .when(wake(10 * SECOND))
      .then();
    given(...after(...ended))
      .when(answer('q1'))
      .thenFails('NO_SUCH_QUESTION');
    given(...after(...ended))
      .when(steer('approve'))
      .thenFails('NOTHING_TO_APPROVE');
  });
});

it('a compensation needs a capability that is known, and its step ids are its own', () => {
  given()
    .when(request({ steps: [step('a', { compensate: { capability: 'fly' } })] }))
    .thenFails('UNKNOWN_CAPABILITY');
  given()
    .when(request({ steps: [step('mandate-undo-1')] }))
    .thenFails('RESERVED_STEP');
});
