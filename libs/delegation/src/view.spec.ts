import { describe, expect, it } from '@jest/globals';
import { INLINE_OUTPUT_BYTES } from '@mandate/contracts';
import {
  accepted,
  after,
  answer,
  asks,
  askedPlanner,
  CHAIN,
  dispatch,
  done,
  failed,
  fold,
  ID,
  lost,
  moment,
  planOf,
  recognition,
  request,
  result,
  steps,
  steer,
  T0,
  told,
  wake,
  DAY,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import type { DelegationEvent } from './events.js';
import { initial } from './evolve.js';
import { PLANNING_STEP } from './model.js';
import { outputView } from './output.js';
import { taskStateOf, toView } from './view.js';

const viewOf = (...commands: DelegationDecisionCommand[]): NonNullable<ReturnType<typeof toView>> => {
  const view = toView(fold(after(...commands)));
  if (!view) throw new Error('there is nothing to see');
  return view;
};

const erased = (events: DelegationEvent[]): DelegationEvent[] =>
  events.map((event) => ('personal' in event ? ({ ...event, personal: undefined } as DelegationEvent) : event));

const onePay = request({ steps: steps({ a: [] }, { irreversible: true }) });
const two = request({ steps: steps({ a: [], b: [] }) });

describe('the state of a delegation', () => {
  it.each<[string, DelegationDecisionCommand[], string, string[]]>([
    ['nothing has begun', [two], 'SUBMITTED', ['SUBMITTED', 'SUBMITTED']],
    ['a step was offered', [two, dispatch('a')], 'WORKING', ['WORKING', 'SUBMITTED']],
    ['a step has begun', [two, dispatch('a'), accepted('a')], 'WORKING', ['WORKING', 'SUBMITTED']],
    ['a step waits to be tried again', [two, dispatch('a'), failed('a')], 'WORKING', ['WORKING', 'SUBMITTED']],
    ['a step is done', [two, dispatch('a'), done('a')], 'WORKING', ['COMPLETED', 'SUBMITTED']],
    ['a step asks', [two, dispatch('a'), asks('a')], 'INPUT_REQUIRED', ['INPUT_REQUIRED', 'SUBMITTED']],
    ['a step asks and another works', [two, dispatch('a'), asks('a'), dispatch('b')], 'WORKING', ['INPUT_REQUIRED', 'WORKING']],
    ['a step is answered', [two, dispatch('a'), asks('a'), answer('q1')], 'SUBMITTED', ['SUBMITTED', 'SUBMITTED']],
    ['an approval is due', [onePay], 'INPUT_REQUIRED', ['INPUT_REQUIRED']],
    ['it was given', [onePay, steer('approve')], 'SUBMITTED', ['SUBMITTED']],
    ['it was denied', [onePay, steer('deny')], 'FAILED', ['CANCELED']],
    ['the plan waits for its approval', [request({ approval: 'plan' })], 'INPUT_REQUIRED', ['SUBMITTED']],
    ['the planner has not begun', [askedPlanner()], 'SUBMITTED', ['SUBMITTED']],
    ['all is done', [request(), dispatch('a'), done('a')], 'COMPLETED', ['COMPLETED']],
    ['a step failed for good', [two, dispatch('a'), failed('a', {}, false)], 'FAILED', ['FAILED', 'CANCELED']],
    ['it was canceled', [two, dispatch('a'), steer('cancel')], 'CANCELED', ['CANCELED', 'CANCELED']],
    ['the deadline passed', [two, dispatch('a'), wake(DAY)], 'FAILED', ['CANCELED', 'CANCELED']],
  ])('when %s', (_when, commands, state, ofSteps) => {
    const view = viewOf(...commands);
    expect(view.state).toBe(`TASK_STATE_${state}`);
    expect(view.steps.map((step) => step.state)).toEqual(ofSteps.map((name) => `TASK_STATE_${name}`));
    expect(taskStateOf(fold(after(...commands)))).toBe(view.state);
  });

  it('is submitted before the request is decided, though there is nothing to see', () => {
    expect(taskStateOf(initial)).toBe('TASK_STATE_SUBMITTED');
    expect(toView(initial)).toBeNull();
  });
});

describe('the view', () => {
  it('tells the whole story', () => {
    const commands = [
      told({ kind: 'read', recognition: recognition('sequential', 0.8), plan: CHAIN }),
      dispatch('s1', { now: T0 + 1 }),
      accepted('s1', { acceptedAt: T0 + 2 }),
      done('s1', { found: 3 }, { now: T0 + 3 }),
      dispatch('s2', { instance: 'w2', now: T0 + 4 }),
      done('s2', 'the report', { acceptedAt: T0 + 5, now: T0 + 6 }),
    ];
    expect(viewOf(...commands)).toEqual({
      id: ID,
      state: 'TASK_STATE_COMPLETED',
      goal: 'Write a report',
      pattern: 'sequential',
      confidence: 0.8,
      decision: {
        chosen: 'sequential',
        alternatives: [{ pattern: 'sequential', confidence: 0.8 }],
        model: 'clause-rules@1',
        fallback: null,
      },
      steps: [
        {
          id: 's1',
          capability: 'search',
          state: 'TASK_STATE_COMPLETED',
          attempt: 1,
          dependsOn: [],
          worker: 'w1',
          startedAt: moment(2),
          endedAt: moment(3),
          output: { found: 3 },
        },
        {
          id: 's2',
          capability: 'write',
          state: 'TASK_STATE_COMPLETED',
          attempt: 1,
          dependsOn: ['s1'],
          worker: 'w2',
          startedAt: moment(5),
          endedAt: moment(6),
          output: 'the report',
        },
      ],
      result: 'the report',
      spent: { usd: '0.00', tokens: 0 },
      createdAt: moment(0),
      endedAt: moment(6),
    });
  });

  it('shows no end, result or error before there is one', () => {
    const view = viewOf(request());
    for (const late of ['endedAt', 'result', 'error']) expect(view).not.toHaveProperty(late);
    expect(view).toMatchObject({ createdAt: moment(0), steps: [{ worker: null, startedAt: null, endedAt: null, attempt: 0 }] });
  });

  it('says why a delegation fell back', () =>
    expect(viewOf(told({ kind: 'unread', reason: 'RECOGNISER_SLOW', detail: 'late' })).decision).toMatchObject({
      chosen: 'direct',
      model: 'none',
      fallback: 'RECOGNISER_SLOW',
    }));

  it('says what went wrong', () => {
    const view = viewOf(request(), dispatch('a'), failed('a', {}, false));
    expect(view.error).toMatchObject({ code: 'STEP_FAILED', message: expect.stringContaining('it rained') });
    expect(view.steps[0]?.error).toEqual({ code: 'BAD_DAY', message: 'it rained' });
    expect(view).not.toHaveProperty('result');
  });

  it('shows the question that waits', () =>
    expect(viewOf(request(), dispatch('a'), asks('a')).steps[0]?.question).toEqual({ id: 'q1', text: 'Which year?' }));

  it('shows the planner beside its steps', () => {
    const { pattern, steps: shown } = viewOf(askedPlanner(), dispatch(PLANNING_STEP), planOf(steps({ a: [], b: ['a'] })));
    expect(pattern).toBe('sequential');
    expect(shown.map((step) => step.id)).toEqual([PLANNING_STEP, 'a', 'b']);
  });

  it('shows the attempt that runs now', () => {
    const again = [lost('a'), dispatch('a', { instance: 'w2' })];
    expect(viewOf(request(), dispatch('a'), ...again).steps[0]).toMatchObject({ attempt: 2, worker: 'w2' });
  });

  it('shows a rejected request', () => {
    const rejected: DelegationEvent = { type: 'rejected', at: T0, data: { principal: 'ada', code: 'CYCLE' }, personal: { error: 'a → a' } };
    expect(toView(fold([rejected]))).toEqual({
      id: ID,
      state: 'TASK_STATE_REJECTED',
      goal: '',
      pattern: null,
      confidence: null,
      decision: null,
      steps: [],
      error: { code: 'CYCLE', message: 'a → a' },
      createdAt: moment(0),
      endedAt: moment(0),
    });
  });
});

describe('the result', () => {
  const all = (graph: Record<string, string[]>): DelegationDecisionCommand[] => [
    request({ steps: steps(graph) }),
    ...Object.keys(graph).flatMap((id) => [dispatch(id), done(id, `of ${id}`)]),
  ];

  it.each<[string, Record<string, string[]>, unknown]>([
    ['the only step', { a: [] }, 'of a'],
    ['the last of a chain', { a: [], b: ['a'] }, 'of b'],
    ['the one that joins', { a: [], b: [], c: ['a', 'b'] }, 'of c'],
    ['all that nobody waits for', { a: [], b: [], c: ['a'] }, { b: 'of b', c: 'of c' }],
    [
      'steps called like what every object has',
      { ['__proto__']: [], constructor: [] },
      { ['__proto__']: 'of __proto__', constructor: 'of constructor' },
    ],
  ])('is of %s', (_what, graph, expected) => {
    const { result: shown, state } = viewOf(...all(graph));
    expect(state).toBe('TASK_STATE_COMPLETED');
    expect(JSON.stringify(shown)).toBe(JSON.stringify(expected));
  });

  it('leaves the planner out', () => {
    const planned = [askedPlanner(), dispatch(PLANNING_STEP), planOf(steps({ a: [] })), dispatch('a'), done('a', 'found')];
    expect(viewOf(...planned).result).toBe('found');
  });

  it.each<[number, unknown]>([
    [INLINE_OUTPUT_BYTES, 'long'],
    [INLINE_OUTPUT_BYTES + 1, { $ref: `/api/delegations/${ID}/steps/a/output`, sha256: 'abc', bytes: INLINE_OUTPUT_BYTES + 1 }],
  ])('of %i bytes', (bytes, expected) => {
    const reported = result('a', { status: 'completed', output: 'long' }, { output: { bytes, sha256: 'abc' } });
    const view = viewOf(request(), dispatch('a'), reported);
    expect(view.result).toEqual(expected);
    expect(view.steps[0]?.output).toEqual(expected);
  });

  it('may be nothing', () => expect(viewOf(request(), dispatch('a'), done('a', null)).result).toBeNull());
});

describe('what was erased', () => {
  const gone = { erased: true };

  it('is gone from the view, and the rest stands', () => {
    const events = erased(after(request({ input: 'secret' }), dispatch('a'), done('a', 'secret')));
    const view = toView(fold(events));
    expect(view).toMatchObject({ state: 'TASK_STATE_COMPLETED', goal: gone, result: gone, steps: [{ output: gone }] });
    expect(JSON.stringify(view)).not.toContain('secret');
  });

  it('includes questions, answers and messages of errors', () => {
    const asked = after(request(), dispatch('a'), asks('a'));
    expect(toView(fold(erased(asked)))?.steps[0]?.question).toEqual({ id: 'q1', text: '' });
    const failure = after(request(), dispatch('a'), asks('a'), answer('q1'), dispatch('a'), failed('a', { attempt: 2 }, false));
    expect(toView(fold(erased(failure)))).toMatchObject({
      error: { code: 'STEP_FAILED', message: '' },
      steps: [{ error: { code: 'BAD_DAY', message: '' } }],
    });
  });

  it('is an output like others', () => expect(outputView(ID, 'a', { kind: 'erased' })).toEqual(gone));
});
