import { describe, expect, it } from '@jest/globals';
import { isFinal } from '@mandate/contracts';
import fc from 'fast-check';
import { fold, T0 } from '../spec/scenes.js';
import { decided, play, script, type Scene } from '../spec/scripts.js';
import { stepsLeft } from './deciding/children.js';
import type { DelegationEvent } from './events.js';
import { initial } from './evolve.js';
import {
  dispatchableSteps,
  isRunning,
  isSettled,
  isWork,
  nextWakeAt,
  PLANNING_STEP,
  stepsOf,
  type Delegation,
  type Step,
} from './model.js';
import { taskStateOf, toView } from './view.js';

const RUNS = 400;

const always = (holds: (scenes: Scene[]) => void): void =>
  fc.assert(
    fc.property(script, (story) => holds(play(story))),
    { numRuns: RUNS },
  );

const inEach = (holds: (scene: Scene) => void): void => always((scenes) => scenes.forEach(holds));

const historyOf = (scenes: Scene[]): DelegationEvent[] => scenes.flatMap((scene) => scene.events);

const workOf = (state: Delegation): Step[] => ('steps' in state ? stepsOf(state).filter(isWork) : []);

const isUndoable = ({ plan, phase }: Step): boolean => plan.compensate !== undefined && phase.status === 'succeeded';

const eventsOf = <Type extends DelegationEvent['type']>(
  events: DelegationEvent[],
  type: Type,
): Extract<DelegationEvent, { type: Type }>[] =>
  events.filter((event): event is Extract<DelegationEvent, { type: Type }> => event.type === type);

const distinct = (names: string[]): void => expect(names).toEqual([...new Set(names)]);

describe('the stories', () => {
  it('are about everything that can happen', () => {
    const stories = fc.sample(script, { numRuns: 1_000, seed: 7 }).map(play);
    const happened = new Set(stories.flatMap(historyOf).map((event) => event.type));
    expect([...happened].sort()).toEqual([
      ...[
        'answered',
        'approvalexpired',
        'approvalrequested',
        'approved',
        'canceled',
        'childadmitted',
        'childended',
        'compensating',
        'completed',
        'denied',
        'failed',
        'fellback',
      ],
      ...['inputrequired', 'planned', 'recognised', 'requested', 'stepdispatched', 'stepfailed', 'stepprogressed', 'stepretried'],
      ...['stepstarted', 'stepsucceeded', 'steptimedout'],
    ]);
    const ends = stories.map((scenes) => scenes.at(-1)?.after.status);
    for (const status of ['active', 'completed', 'failed', 'canceled'])
      expect(ends.filter((end) => end === status).length).toBeGreaterThan(30);
    const codes = stories.flatMap(historyOf).flatMap((event) => (event.type === 'failed' ? [event.data.code] : []));
    for (const code of ['DENIED', 'STEP_FAILED', 'OUTCOME_UNKNOWN', 'APPROVAL_EXPIRED', 'DEADLINE_EXCEEDED', 'NO_WORKER', 'NO_CAPABILITY'])
      expect(codes).toContain(code);
  });
});

describe('whatever it is told, a delegation', () => {
  it('throws nothing but AppError', () => inEach(({ command, before }) => expect(() => decided(command, before)).not.toThrow()));

  it('is what its history says, also when that was written down and read', () =>
    always((scenes) => {
      const events = historyOf(scenes);
      const state = scenes.at(-1)?.after ?? initial;
      expect(fold(events)).toEqual(state);
      expect(fold(JSON.parse(JSON.stringify(events)))).toEqual(state);
    }));

  it('decides the same again', () => inEach(({ command, before, events }) => expect(decided(command, before)).toEqual(events)));

  it('takes a command once', () =>
    inEach(({ command, events, after }) => {
      if (
        events.length > 0 &&
        ['request', 'accepted', 'admit-child', 'child-ended', 'cancel', 'approve', 'deny', 'answer'].includes(command.type)
      )
        expect(decided(command, after)).toEqual([]);
    }));

  it('does not change once it has ended', () =>
    inEach(({ before, events, after }) => {
      if (before.status === 'active' || before.status === 'absent') return;
      expect(events).toEqual([]);
      expect(after).toBe(before);
    }));

  it('ends once, and last', () =>
    always((scenes) => {
      const types = historyOf(scenes).map((event) => event.type);
      const ends = types.flatMap((type, i) => (type === 'completed' || type === 'failed' || type === 'canceled' ? [i] : []));
      expect(ends).toEqual(ends.length > 0 ? [types.length - 1] : []);
    }));

  it('wakes at its deadline or before, as long as it has not ended', () =>
    inEach(({ after }) => {
      if (after.status === 'active') expect(nextWakeAt(after, T0)).toBeLessThanOrEqual(after.budget.deadlineAt);
      else expect(nextWakeAt(after, T0)).toBeNull();
    }));

  it('is over at its deadline', () =>
    inEach(({ after }) => {
      if (after.status !== 'active') return;
      const now = after.budget.deadlineAt;
      const events = decided({ type: 'wake', capabilitiesAway: new Set(), agents: [], jitter: 0, now }, after);
      expect(['failed', 'canceled', 'compensating']).toContain(events.at(-1)?.type);
      expect(events.at(-1)?.type === 'compensating').toBe(after.ending === null && stepsOf(after).some(isUndoable));
    }));

  it('has no loose ends when it has ended', () =>
    inEach(({ after }) => {
      if (after.status === 'active' || !('steps' in after)) return;
      expect(stepsOf(after).every(isSettled)).toBe(true);
      expect(dispatchableSteps(after, Number.MAX_SAFE_INTEGER)).toEqual([]);
    }));

  it('has completed exactly when all its work has succeeded', () =>
    inEach(({ after }) => {
      const work = workOf(after);
      expect(work.length > 0 && work.every((step) => step.phase.status === 'succeeded')).toBe(after.status === 'completed');
    }));

  it('shows itself', () =>
    inEach(({ after }) => {
      const view = toView(after);
      if (after.status === 'absent') return expect(view).toBeNull();
      expect(isFinal(taskStateOf(after))).toBe(after.status !== 'active');
      expect(view?.steps).toHaveLength('order' in after ? after.order.length : 0);
      expect(JSON.parse(JSON.stringify(view))).toEqual(view);
    }));
});

describe('whatever it is told, a step', () => {
  it('succeeds once at most, and each attempt begins once at most', () =>
    always((scenes) => {
      const events = historyOf(scenes);
      distinct(eventsOf(events, 'stepsucceeded').map(({ data }) => data.stepId));
      distinct(eventsOf(events, 'stepstarted').map(({ data }) => `${data.stepId} ${data.attempt}`));
      distinct(eventsOf(events, 'stepdispatched').map(({ data }) => `${data.stepId} ${data.attempt} ${data.lease}`));
    }));

  it('is offered only when nothing is missing, or when nobody took it', () =>
    inEach(({ before, events }) => {
      for (const { at, data } of eventsOf(events, 'stepdispatched')) {
        if (before.status !== 'active') throw new Error(`offered while ${before.status}`);
        const step = before.steps[data.stepId] as Step;
        expect(step.phase.status === 'dispatched' || dispatchableSteps(before, at).includes(step)).toBe(true);
        expect(step.plan.dependsOn.every((id) => before.steps[id]?.phase.status === 'succeeded')).toBe(true);
        expect(step.plan.irreversible && before.approval === 'irreversible').toBe(step.approval === 'granted');
        expect(before.planApproval).toBe(before.approval === 'plan' && data.stepId !== PLANNING_STEP ? 'granted' : 'not-needed');
      }
    }));

  it('has no second attempt when it must not be done twice and one has begun', () =>
    always((scenes) => {
      const events = historyOf(scenes);
      for (const { data } of eventsOf(events, 'stepstarted')) {
        const lease = eventsOf(events, 'stepdispatched')
          .filter((e) => e.data.stepId === data.stepId && e.data.attempt === data.attempt)
          .at(-1);
        if (lease?.data.effects !== 'at-most-once') continue;
        expect(eventsOf(events, 'stepretried').filter((e) => e.data.stepId === data.stepId && e.data.attempt === data.attempt)).toEqual([]);
      }
    }));

  it('fails less often than it may, while the delegation goes on', () =>
    inEach(({ after }) => {
      if (after.status !== 'active') return;
      for (const { failures, plan } of stepsOf(after)) expect(failures).toBeLessThan(plan.maxAttempts);
    }));

  it('is running only after it was offered', () =>
    inEach(({ after }) => {
      if (!('steps' in after)) return;
      for (const step of stepsOf(after).filter(isRunning)) {
        expect(step.attempt).toBeGreaterThan(0);
        expect(step.lease).toBeGreaterThan(0);
        expect(step.instance).not.toBeNull();
      }
    }));
});

describe('whatever it is told, a compensation', () => {
  it('comes after what it undoes, in reverse order, one at a time, and before the end', () =>
    always((scenes) => {
      const { after } = scenes.at(-1)!;
      const undo = 'steps' in after ? stepsOf(after).filter((step) => step.compensates !== null) : [];
      const undone = undo.map(({ compensates }) => ('steps' in after ? after.steps[compensates!]! : undefined)!);
      expect(undone.every(isUndoable)).toBe(true);
      const times = undone.map(({ phase }) => ('endedAt' in phase ? phase.endedAt : 0));
      expect(times).toEqual([...times].sort((a, b) => b - a));
      expect(undo.filter((step) => isRunning(step) || step.phase.status === 'backoff').length).toBeLessThanOrEqual(1);
      if (!('steps' in after) || after.status === 'completed') return expect(undo).toEqual([]);
      if (after.status !== 'active') expect(new Set(undone)).toEqual(new Set(workOf(after).filter(isUndoable)));
    }));
});

describe('whatever it is told, a family', () => {
  it('stays within its budget', () =>
    inEach(({ after }) => {
      if (after.status === 'active') expect(stepsLeft(after)).toBeGreaterThanOrEqual(0);
    }));

  it('is narrower with each generation', () =>
    inEach(({ before, events }) => {
      for (const { data } of eventsOf(events, 'childadmitted')) {
        if (before.status !== 'active') throw new Error(`admitted while ${before.status}`);
        expect(data.budget.depth).toBeLessThan(before.budget.depth);
        expect(Date.parse(data.budget.deadlineAt)).toBeLessThanOrEqual(before.budget.deadlineAt);
        expect(data.budget.steps).toBeLessThanOrEqual(stepsLeft(before));
      }
    }));

  it('is canceled with the delegation, or with the attempt that it helped', () =>
    inEach(({ before, events, after }) => {
      if (before.status !== 'active' || !('children' in after)) return;
      for (const event of events) {
        if (event.type === 'failed' || event.type === 'canceled' || event.type === 'compensating')
          expect(event.data.cancels).toEqual(after.children.map(({ id }) => id));
        if (event.type !== 'stepretried' && event.type !== 'stepfailed' && event.type !== 'inputrequired') continue;
        const { stepId, attempt, cancels } = event.data;
        expect(cancels).toEqual(after.children.filter((c) => c.stepId === stepId && c.attempt === attempt).map(({ id }) => id));
      }
    }));
});
