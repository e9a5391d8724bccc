import { describe, expect, it } from '@jest/globals';
import {
  accepted,
  activeAfter,
  after,
  answer,
  asks,
  askedPlanner,
  child,
  dispatch,
  done,
  failed,
  fold,
  given,
  lost,
  notAccepted,
  request,
  result,
  SECOND,
  stepAfter,
  steps,
  steer,
  T0,
  wake,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { dispatchableSteps, PLANNING_STEP } from './model.js';

const begun = [request(), dispatch('a'), accepted('a')];
const onePay = request({ steps: steps({ a: [] }, { irreversible: true }) });
const twoPay = request({ steps: steps({ a: [], b: [] }, { irreversible: true }) });
const wholePlan = request({ approval: 'plan', steps: steps({ a: [], b: ['a'] }) });
const ready = (...commands: DelegationDecisionCommand[]): string[] =>
  dispatchableSteps(activeAfter(...commands), T0).map((step) => step.plan.id);

describe('cancel', () => {
  it('ends the delegation, its running steps and its children', () => {
    const commands = [request({ steps: steps({ a: [], b: ['a'] }) }), dispatch('a'), accepted('a'), child()];
    given(...after(...commands))
      .when(steer('cancel', { reason: 'too late', now: T0 + 5 }))
      .then({
        type: 'canceled',
        at: T0 + 5,
        data: { by: 'grace', commandId: 'cancel-1', cancels: ['c1'] },
        personal: { reason: 'too late' },
      });
    const canceled = { status: 'canceled', endedAt: T0 };
    expect(fold(after(...commands, steer('cancel')))).toMatchObject({
      status: 'canceled',
      error: null,
      steps: { a: { phase: canceled }, b: { phase: canceled } },
    });
  });

  it('leaves what is done as it was', () => {
    const commands = [request({ steps: steps({ a: [], b: ['a'] }) }), dispatch('a'), done('a')];
    expect(stepAfter('a', ...commands, steer('cancel')).phase.status).toBe('succeeded');
  });

  it.each<[string, DelegationDecisionCommand[]]>([
    ['nothing has begun', [request()]],
    ['a step is tried again', [...begun, failed('a')]],
    ['a question is open', [...begun, asks('a')]],
    ['an approval is due', [onePay]],
    ['the plan is not approved', [wholePlan]],
    ['the planner plans', [askedPlanner(), dispatch(PLANNING_STEP)]],
  ])('is possible while %s', (_when, commands) =>
    given(...after(...commands))
      .when(steer('cancel'))
      .thenMatches({ type: 'canceled', personal: { reason: '' } }),
  );

  it.each(['cancel-1', 'another'])('changes nothing the second time, whatever it is called: %s', (commandId) =>
    given(...after(request(), steer('cancel')))
      .when(steer('cancel', { commandId }))
      .then(),
  );
});

describe('approve', () => {
  it('lets the step go on', () => {
    given(...after(onePay))
      .when(steer('approve', { reason: 'fine', now: T0 + 5 }))
      .then({
        type: 'approved',
        at: T0 + 5,
        data: { scope: 'step', stepId: 'a', by: 'grace', commandId: 'approve-1' },
        personal: { reason: 'fine' },
      });
    expect(ready(onePay)).toEqual([]);
    expect(ready(onePay, steer('approve'))).toEqual(['a']);
  });

  it('lets the plan go on', () => {
    given(...after(wholePlan))
      .when(steer('approve'))
      .thenMatches({ type: 'approved', data: { scope: 'plan', by: 'grace' } });
    expect(ready(wholePlan)).toEqual([]);
    expect(ready(wholePlan, steer('approve'))).toEqual(['a']);
  });

  it('names the step where several wait', () => {
    given(...after(twoPay))
      .when(steer('approve'))
      .thenFails('STEP_REQUIRED');
    expect(ready(twoPay, steer('approve', { stepId: 'b' }))).toEqual(['b']);
    given(...after(twoPay, steer('approve', { stepId: 'b' })))
      .when(steer('approve', { commandId: 'approve-2' }))
      .thenMatches({ type: 'approved', data: { stepId: 'a' } });
  });

  it('holds for all attempts of the step', () =>
    expect(stepAfter('a', onePay, steer('approve'), dispatch('a'), failed('a'), dispatch('a', { now: T0 + SECOND }))).toMatchObject({
      attempt: 2,
      approval: 'granted',
    }));
});

describe.each(['approve', 'deny'] as const)('%s', (type) => {
  it.each<[string, DelegationDecisionCommand[], string | undefined]>([
    ['nothing waits for it', begun, undefined],
    ['the step waits for something else', begun, 'a'],
    ['there is no such step', [onePay], 'z'],
    ['the plan waits, not the step', [wholePlan], 'a'],
    ['the step is approved already', [onePay, steer('approve', { commandId: 'before' })], 'a'],
  ])('is refused when %s', (_why, commands, stepId) =>
    given(...after(...commands))
      .when(steer(type, stepId === undefined ? {} : { stepId }))
      .thenFails('NOTHING_TO_APPROVE'),
  );
});

describe('deny', () => {
  it.each<[string, DelegationDecisionCommand, object, string]>([
    ['a step', onePay, { scope: 'step', stepId: 'a' }, 'grace denied step a: too dear'],
    ['the plan', wholePlan, { scope: 'plan' }, 'grace denied the plan: too dear'],
  ])('%s fails the delegation', (_what, command, scope, error) => {
    given(...after(command))
      .when(steer('deny', { reason: 'too dear' }))
      .thenMatches(
        { type: 'denied', data: { ...scope, by: 'grace', commandId: 'deny-1' }, personal: { reason: 'too dear' } },
        { type: 'failed', data: { code: 'DENIED', cancels: [] }, personal: { error } },
      );
    expect(fold(after(command, steer('deny')))).toMatchObject({ status: 'failed', error: { code: 'DENIED' } });
  });

  it('wins over what runs beside it', () => {
    const mixed = request({ steps: [...steps({ a: [] }, { irreversible: true }), ...steps({ b: [] })] });
    const running = [mixed, dispatch('b'), accepted('b'), child({}, { stepId: 'b' })];
    given(...after(...running))
      .when(steer('deny'))
      .thenMatches({ type: 'denied' }, { type: 'failed', data: { stepId: 'a', cancels: ['c1'] } });
    expect(stepAfter('b', ...running, steer('deny')).phase.status).toBe('canceled');
  });
});

describe('answer', () => {
  const asking = [...begun, asks('a')];
  const bothAsk = [request({ steps: steps({ a: [], b: [] }) }), dispatch('a'), asks('a'), dispatch('b'), asks('b')];

  it('goes to the step that asks', () => {
    given(...after(...asking))
      .when(answer('q1', { answer: { year: 2026 }, now: T0 + 5 }))
      .then({
        type: 'answered',
        at: T0 + 5,
        data: { stepId: 'a', questionId: 'q1', by: 'grace', commandId: 'answer-1' },
        personal: { answer: { year: 2026 } },
      });
    expect(ready(...asking)).toEqual([]);
    expect(ready(...asking, answer('q1'))).toEqual(['a']);
  });

  it('goes to the named step where several ask the same', () =>
    given(...after(...bothAsk))
      .when(answer('q1', { stepId: 'b' }))
      .thenMatches({ type: 'answered', data: { stepId: 'b' } }));

  it.each<[string, DelegationDecisionCommand[], Parameters<typeof answer>]>([
    ['nobody asks', begun, ['q1']],
    ['the question is another one', asking, ['q2']],
    ['another step asks', asking, ['q1', { stepId: 'b' }]],
    ['it is answered', [...asking, answer('q1', { commandId: 'before' })], ['q1']],
  ])('is refused when %s', (_why, commands, command) =>
    given(...after(...commands))
      .when(answer(...command))
      .thenFails('NO_SUCH_QUESTION'),
  );
});

describe('a command that comes again', () => {
  it.each<[string, DelegationDecisionCommand[], DelegationDecisionCommand]>([
    ['approve', [onePay], steer('approve')],
    ['approve of a plan', [wholePlan], steer('approve')],
    ['deny', [onePay], steer('deny')],
    ['answer', [...begun, asks('a')], answer('q1')],
    ['cancel', [request()], steer('cancel')],
  ])('changes nothing: %s', (_what, before, command) =>
    given(...after(...before, command))
      .when(command)
      .then(),
  );

  it('is known still when the delegation has ended', () =>
    given(...after(onePay, steer('approve'), dispatch('a'), done('a')))
      .when(steer('approve'))
      .then());

  it('is known still when others came since', () => {
    const three = request({ steps: steps({ a: [], b: [], c: [] }, { irreversible: true }) });
    const first = steer('approve', { stepId: 'a', commandId: 'first' });
    given(...after(three, first, steer('approve', { stepId: 'b', commandId: 'second' })))
      .when(first)
      .then();
  });

  it('is known by its id alone', () =>
    given(...after(twoPay, steer('approve', { stepId: 'a', commandId: 'same' })))
      .when(steer('deny', { stepId: 'b', commandId: 'same' }))
      .then());
});

describe('a delegation that has ended', () => {
  const completed = [request(), dispatch('a'), done('a')];
  const ended: [string, DelegationDecisionCommand[]][] = [
    ['completed', completed],
    ['failed', [...begun, failed('a', {}, false)]],
    ['canceled', [...begun, steer('cancel')]],
  ];

  const late: DelegationDecisionCommand[] = [
    request(),
    dispatch('a'),
    accepted('a'),
    done('a'),
    result('a', { status: 'progress' }),
    notAccepted('a'),
    lost('a'),
    wake(0),
  ];
  it.each(ended)('takes no notice of what comes late: %s', (_status, commands) => {
    for (const command of late)
      given(...after(...commands))
        .when(command)
        .then();
  });

  const steering = [steer('approve'), steer('deny'), answer('q1'), child()];
  it.each(ended)('cannot be steered: %s', (_status, commands) => {
    for (const command of steering)
      given(...after(...commands))
        .when(command)
        .thenFails('ALREADY_ENDED');
  });

  it.each(ended.slice(0, 2))('cannot be canceled: %s', (_status, commands) =>
    given(...after(...commands))
      .when(steer('cancel'))
      .thenFails('ALREADY_ENDED'),
  );

  it('has admitted the children that it had', () =>
    given(...after(...begun, child(), done('a')))
      .when(child())
      .then());

  it('was perhaps rejected from the start', () => {
    given({ type: 'rejected', at: T0, data: { principal: 'ada', code: 'CYCLE' }, personal: { error: 'a → a' } })
      .when(steer('cancel'))
      .thenFails('ALREADY_ENDED');
    given({ type: 'rejected', at: T0, data: { principal: 'ada', code: 'CYCLE' } })
      .when(request())
      .then();
  });
});

describe('a delegation that never was', () => {
  it.each([steer('cancel'), steer('approve'), steer('deny'), answer('q1'), child()])('cannot be steered: $type', (command) =>
    given().when(command).thenFails('NOT_FOUND'),
  );

  it.each([dispatch('a'), accepted('a'), done('a'), notAccepted('a'), lost('a'), wake(0)])('takes no notice: $type', (command) =>
    given().when(command).then(),
  );
});
