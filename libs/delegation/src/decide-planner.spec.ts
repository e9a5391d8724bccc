import { describe, expect, it } from '@jest/globals';
import {
  accepted,
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
  PLANNER,
  planOf,
  result,
  SECOND,
  steps,
  T0,
  wake,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { PLANNING_TIMEOUT_MS } from './evolve.js';
import { PLANNING_STEP } from './model.js';

describe('the planner', () => {
  const planning = [askedPlanner(), dispatch(PLANNING_STEP), accepted(PLANNING_STEP)];

  it('answers with the steps to take', () => {
    const plan = steps({ a: [], b: ['a'] });
    given(...after(...planning))
      .when(planOf(plan))
      .thenMatches(
        { type: 'stepsucceeded', data: { stepId: PLANNING_STEP } },
        { type: 'planned', data: { by: 'planner', pattern: 'sequential' } },
      );
    expect(fold(after(...planning, planOf(plan)))).toMatchObject({ status: 'active', order: [PLANNING_STEP, 'a', 'b'] });
  });

  it('does not count as work: the delegation is done when its plan is', () =>
    given(...after(...planning, planOf(steps({ a: [] })), dispatch('a'), accepted('a')))
      .when(done('a'))
      .thenMatches({ type: 'stepsucceeded' }, { type: 'completed', data: { steps: 1, sinks: ['a'] } }));

  it('hands the request on to its first steps', () => {
    const events = after(askedPlanner({ input: 'raw' }), dispatch(PLANNING_STEP), planOf(steps({ a: [], b: ['a'] })));
    expect(events.at(-1)).toMatchObject({ type: 'planned', personal: { texts: { a: { input: 'raw' }, b: {} } } });
  });

  it('has its plan approved when the requester wants to, and else its irreversible steps', () => {
    const plan = steps({ a: [] }, { irreversible: true });
    given(...after(askedPlanner({ approval: 'plan' }), dispatch(PLANNING_STEP), accepted(PLANNING_STEP)))
      .when(planOf(plan))
      .thenMatches({}, { type: 'planned' }, { type: 'approvalrequested', data: { scope: 'plan' } });
    given(...after(...planning))
      .when(planOf(plan))
      .thenMatches({}, { type: 'planned' }, { type: 'approvalrequested', data: { scope: 'step', stepId: 'a' } });
  });

  const small = [askedPlanner({ budget: { steps: 2 } }), dispatch(PLANNING_STEP), accepted(PLANNING_STEP)];
  it.each<[string, DelegationDecisionCommand[], DelegationDecisionCommand]>([
    ['EMPTY_PLAN', planning, planOf([])],
    ['EMPTY_PLAN', planning, result(PLANNING_STEP, { status: 'completed', output: 'no plan' })],
    ['RESERVED_STEP', planning, planOf(steps({ [PLANNING_STEP]: [] }))],
    ['CYCLE', planning, planOf(steps({ a: ['b'], b: ['a'] }))],
    ['UNKNOWN_CAPABILITY', planning, planOf(steps({ a: [] }, { capability: 'fly' }))],
    ['BUDGET_EXCEEDED', small, planOf(steps({ a: [], b: [] }))],
    ['BAD_DAY', planning, failed(PLANNING_STEP)],
  ])('fails with %s: plain delegation instead', (code, commands, command) =>
    given(...after(...commands))
      .when(command)
      .thenMatches(
        { type: 'stepfailed', data: { stepId: PLANNING_STEP, code } },
        { type: 'fellback', data: { reason: 'PLANNER_FAILED', capability: 'write' } },
        { type: 'planned', data: { by: 'fallback', steps: [{ id: 's1' }] } },
      ),
  );

  it('fails for good where nobody could take a plain delegation either', () => {
    const onlyPlanners = { agents: [PLANNER] };
    given(...after(askedPlanner({}, onlyPlanners), dispatch(PLANNING_STEP), accepted(PLANNING_STEP)))
      .when(planOf(steps({ a: [] }), onlyPlanners))
      .thenMatches(
        { type: 'stepfailed', data: { stepId: PLANNING_STEP, code: 'UNKNOWN_CAPABILITY' } },
        { type: 'failed', data: { code: 'NO_CAPABILITY', stepId: PLANNING_STEP } },
      );
  });

  it('leaves no plain delegation when its children used up the steps', () =>
    given(...after(...small, child({}, { stepId: PLANNING_STEP })))
      .when(failed(PLANNING_STEP))
      .thenMatches({ type: 'stepfailed' }, { type: 'failed', data: { code: 'BUDGET_EXCEEDED', stepId: PLANNING_STEP, cancels: ['c1'] } }));

  it('is asked again when its worker was lost', () =>
    given(...after(...planning))
      .when(lost(PLANNING_STEP))
      .thenMatches({ type: 'steptimedout' }, { type: 'stepretried', data: { stepId: PLANNING_STEP, counts: false } }));

  it('is not waited for longer than half a minute', () =>
    given(...after(...planning))
      .when(wake(PLANNING_TIMEOUT_MS))
      .thenMatches(
        { type: 'steptimedout', data: { stepId: PLANNING_STEP, timeout: 'start-to-close' } },
        { type: 'stepfailed', data: { code: 'START_TO_CLOSE_TIMEOUT' } },
        { type: 'fellback', data: { reason: 'PLANNER_SLOW' } },
        { type: 'planned', data: { by: 'fallback' } },
      ));

  it('may ask a question first', () => {
    const asking = [...planning, asks(PLANNING_STEP), answer('q1'), dispatch(PLANNING_STEP, { now: T0 + SECOND })];
    given(...after(...asking))
      .when(planOf(steps({ a: [] }), { attempt: 2, now: T0 + SECOND }))
      .thenMatches({ type: 'stepstarted' }, { type: 'stepsucceeded', data: { attempt: 2 } }, { type: 'planned', data: { by: 'planner' } });
  });
});
