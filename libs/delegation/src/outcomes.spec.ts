import { describe, expect, it } from '@jest/globals';
import { accepted, asks, dispatch, done, failed, lost, MINUTE, notAccepted, request, steps, T0, wake } from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { decide } from './decide.js';
import { evolve, initial } from './evolve.js';
import type { Delegation } from './model.js';
import { endedAttempts } from './outcomes.js';
import { needOf } from './placing.js';

const told = (commands: DelegationDecisionCommand[]): Delegation =>
  commands.reduce<Delegation>(
    (state, command) => decide(command, state).reduce((folded, event) => evolve(folded, event, 'd'), state),
    initial,
  );
const begun = (maxAttempts = 3, more: Parameters<typeof dispatch>[1] = {}): DelegationDecisionCommand[] => [
  request({ steps: steps({ a: [] }, { maxAttempts }) }),
  dispatch('a', more),
  accepted('a'),
];
const resultsOf = (history: DelegationDecisionCommand[], command: DelegationDecisionCommand): string[] => {
  const before = told(history);
  return endedAttempts(before, decide(command, before)).map(({ result }) => result);
};
const late = T0 + 10 * MINUTE;

describe('how an attempt ended', () => {
  it.each<[string, string[], DelegationDecisionCommand[], DelegationDecisionCommand]>([
    ['a result', ['succeeded'], begun(), done('a')],
    ['a question', ['succeeded'], begun(), asks('a')],
    ['an error that may pass', ['failed'], begun(), failed('a')],
    ['the last of them', ['failed'], begun(1), failed('a')],
    ['an error that is final', ['succeeded'], begun(), failed('a', {}, false)],
    ['an error that may pass, of what is not done twice', ['failed'], begun(3, { effects: 'at-most-once' }), failed('a')],
    ['a time-out', ['failed'], begun(), wake(10 * MINUTE)],
    ['the last time-out', ['failed'], begun(1), wake(10 * MINUTE)],
    ['a lost worker', ['lost'], begun(), lost('a')],
    ['a lost worker, of what is not done twice', ['lost'], begun(3, { effects: 'at-most-once' }), lost('a')],
    ['an offer that came to nothing', [], begun().slice(0, 2), notAccepted('a')],
    ['being canceled', [], begun(), { type: 'cancel', by: 'ann', commandId: 'c', now: T0 }],
  ])('%s is %j', (_what, expected, history, command) => expect(resultsOf(history, command)).toEqual(expected));

  it('is told with the slot that it had', () => {
    const before = told(begun(3, { instance: 'w7', capability: 'web-search' }));
    expect(endedAttempts(before, decide(done('a'), before))).toEqual([
      { stepId: 'a', attempt: 1, lease: 1, instance: 'w7', capability: 'web-search', key: null, result: 'succeeded' },
    ]);
  });
});

describe('why the next attempt is asked for', () => {
  it.each<[string, DelegationDecisionCommand[]]>([
    ['first', [request()]],
    ['retry', [...begun(), failed('a')]],
    ['worker-lost', [...begun(), lost('a')]],
    ['not-accepted', [...begun().slice(0, 2), notAccepted('a')]],
    ['answered', [...begun(), asks('a'), { type: 'answer', by: 'ann', commandId: 'c', questionId: 'q1', answer: 'this', now: T0 }]],
  ])('%s', (reason, history) => {
    const state = told(history);
    const step = 'steps' in state ? state.steps['a'] : undefined;
    if (!step) throw new Error('there is no step');
    expect(needOf(step, state).reason).toBe(reason);
  });
});

describe('a step that another capability may take', () => {
  const substitutable = (history: DelegationDecisionCommand[]): boolean[] => {
    const state = told(history);
    return 'steps' in state ? Object.values(state.steps).map((step) => needOf(step, state).substitutable) : [];
  };

  it('is one that nobody was asked to approve of', () => {
    expect(substitutable([request()])).toEqual([true]);
    expect(substitutable([request({ steps: steps({ a: [] }, { irreversible: true }) })])).toEqual([false]);
    expect(substitutable([request({ approval: 'plan' })])).toEqual([false]);
  });

  it('says what it was taken by, until the next attempt', () => {
    const state = told([...begun(3, { capability: 'web-search' }), failed('a')]);
    expect('steps' in state && state.steps['a']?.capability).toBe('web-search');
    const again = told([...begun(3, { capability: 'web-search' }), failed('a'), dispatch('a', { now: late })]);
    expect('steps' in again && again.steps['a']?.capability).toBe('search');
  });
});
