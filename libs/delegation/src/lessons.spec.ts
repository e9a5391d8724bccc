import { describe, expect, it } from '@jest/globals';
import {
  after,
  askedPlanner,
  CHAIN,
  dispatch,
  done,
  failed,
  feedback,
  fold,
  given,
  planOf,
  recognition,
  request,
  steer,
  steps,
  T0,
  told,
  wake,
  DAY,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { lessonOf, type Lesson } from './lessons.js';
import { PLANNING_STEP } from './model.js';

const read = told({ kind: 'read', recognition: recognition('sequential', 0.9), plan: CHAIN });
const unsure = told({ kind: 'read', recognition: recognition('sequential', 0.4), plan: CHAIN });
const chained = [dispatch('s1'), done('s1'), dispatch('s2'), done('s2')];

describe('feedback', () => {
  it.each<[string, DelegationDecisionCommand[]]>([
    ['runs', [read]],
    ['has ended', [read, ...chained]],
    ['was canceled', [read, steer('cancel')]],
  ])('is recorded while the delegation %s, once', (_when, commands) => {
    given(...after(...commands))
      .when(feedback('parallel', { reason: 'they are apart' }))
      .then({
        type: 'feedbackgiven',
        at: T0,
        data: { pattern: 'parallel', by: 'grace', commandId: 'feedback-1' },
        personal: { reason: 'they are apart' },
      });
    given(...after(...commands, feedback('parallel')))
      .when(feedback('parallel'))
      .then();
  });

  it('changes nothing else', () => {
    const before = fold(after(read, ...chained));
    expect(fold(after(read, ...chained, feedback('meta')))).toEqual({ ...before, commands: ['feedback-1'] });
  });

  it('needs something that it is about', () => {
    given().when(feedback('meta')).thenFails('NOT_FOUND');
    given({ type: 'rejected', at: T0, data: { principal: 'ada', code: 'CYCLE' } })
      .when(feedback('meta'))
      .thenFails('ALREADY_ENDED');
  });
});

describe('the lesson of a delegation', () => {
  const lesson = (...commands: DelegationDecisionCommand[]): Lesson | null => {
    const events = after(...commands);
    return lessonOf(events.at(-1) as (typeof events)[number], fold(events));
  };
  const anyStep = steps({ a: [], b: [] });

  it.each<[string, DelegationDecisionCommand[], Lesson | null]>([
    ['feedback', [read, feedback('meta')], { by: 'feedback', pattern: 'meta', succeeded: true }],
    [
      'steps that the requester gave and that served',
      [request({ steps: anyStep }), dispatch('a'), done('a'), dispatch('b'), done('b')],
      { by: 'requester', pattern: 'parallel', succeeded: true },
    ],
    [
      'a graph of a planner that served',
      [askedPlanner(), dispatch(PLANNING_STEP), planOf(anyStep), dispatch('a'), done('a'), dispatch('b'), done('b')],
      { by: 'planner', pattern: 'parallel', succeeded: true },
    ],
    ['a plan by rules that served', [read, ...chained], { by: 'outcome', pattern: 'sequential', succeeded: true }],
    [
      'a plan by rules that did not',
      [read, dispatch('s1'), failed('s1', {}, false)],
      { by: 'outcome', pattern: 'sequential', succeeded: false },
    ],
    ['given steps that failed', [request(), dispatch('a'), failed('a', {}, false)], null],
    ['a plain delegation', [unsure, dispatch('s1'), done('s1')], null],
    ['a deadline that passed', [read, wake(2 * DAY)], null],
    ['what was canceled', [read, steer('cancel')], null],
  ])('is told by %s', (_what, commands, expected) => expect(lesson(...commands)).toEqual(expected));
});
