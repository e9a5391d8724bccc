import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  AGENTS,
  after,
  CHAIN,
  dispatch,
  done,
  failed,
  ID,
  MINUTE,
  recognition,
  request,
  steer,
  steps,
  T0,
  told,
} from '../../spec/scenes.js';
import { play, script } from '../../spec/scripts.js';
import type { DelegationEvent } from '../events.js';
import { fork, type ForkChange, type ForkResult } from './fork.js';

const again = (recorded: readonly DelegationEvent[], change: ForkChange, threshold = 0.6): ForkResult =>
  fork(recorded, change, { id: ID, agents: AGENTS, defaultThreshold: threshold });
const lines = ({ diff }: ForkResult): string[] =>
  diff.filter(({ is }) => is !== 'same').map(({ is, type, stepId }) => `${is} ${type}${stepId ? ` ${stepId}` : ''}`);

const chain = after(
  request({ steps: steps({ a: [], b: ['a'], c: ['b'] }) }),
  dispatch('a'),
  done('a'),
  dispatch('b'),
  failed('b'),
  dispatch('b', { now: T0 + MINUTE, reason: 'retry' }),
  done('b', 'b', { attempt: 2 }),
  dispatch('c', { now: T0 + MINUTE }),
  done('c'),
);

describe('a fork', () => {
  it('with nothing changed gives the same history', () => {
    const result = again(chain, { kind: 'threshold', threshold: 0.6 });
    expect([result.status, lines(result), result.reused]).toEqual(['completed', [], ['a', 'b', 'c']]);
  });

  it('was answered by what answered it then', () => {
    const answeredBy = { digest: 'ab'.repeat(32), layer: 4 };
    const recorded = after(told({ kind: 'read', recognition: { ...recognition('sequential', 0.9), answeredBy }, plan: CHAIN }));
    const { events } = again(recorded, { kind: 'threshold', threshold: 0.6 });
    expect(events).toContainEqual(expect.objectContaining({ type: 'recognised', data: expect.objectContaining(answeredBy) }));
    expect(lines(again(recorded, { kind: 'worker', instance: 'other-1' }))).toEqual([]);
  });

  it('does not mind the order in which members were stored', () => {
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .sort()
                .map(([name, member]) => [name, sorted(member)]),
            )
          : value;
    expect(lines(again(sorted(chain) as DelegationEvent[], { kind: 'threshold', threshold: 0.6 }))).toEqual([]);
  });

  it('with another plan is answered by the steps that are the same, and stops where nobody knows', () => {
    const changed = steps({ a: [], b: ['a'], c: ['b'], d: ['b'] }).map((step) =>
      step.id === 'c' ? { ...step, goal: 'something else' } : step,
    );
    const result = again(chain, { kind: 'plan', steps: changed });
    expect(result.status).toBe('active');
    expect(result.reused).toEqual(['a', 'b']);
    expect(result.open.map(({ stepId }) => stepId)).toEqual(['c', 'd']);
    expect(lines(result)).toEqual([
      'changed recognised',
      'changed planned',
      'removed stepdispatched c',
      'removed stepstarted c',
      'removed stepsucceeded c',
      'removed completed',
    ]);
  });

  it('does not take an answer that followed from another one', () => {
    const changed = steps({ a: [], b: ['a'], c: ['b'] }).map((step) => (step.id === 'a' ? { ...step, goal: 'something else' } : step));
    expect(again(chain, { kind: 'plan', steps: changed })).toMatchObject({ reused: [], open: [{ stepId: 'a' }] });
  });

  it('with a higher threshold falls back, and a lower one plans what was not planned', () => {
    const sure = after(
      told({ kind: 'read', recognition: recognition('sequential', 0.7), plan: CHAIN }),
      dispatch('s1'),
      done('s1'),
      dispatch('s2'),
      done('s2'),
    );
    const fallen = again(sure, { kind: 'threshold', threshold: 0.8 });
    expect(lines(fallen)).toContain('added fellback');
    expect(fallen).toMatchObject({ reused: [], open: [{ stepId: 's1' }] });
    const unsure = after(told({ kind: 'read', recognition: recognition('direct', 0.5), plan: CHAIN }), dispatch('s1'), done('s1'));
    expect(lines(again(unsure, { kind: 'threshold', threshold: 0.4 }))).toContain('removed fellback');
  });

  it('with another worker is decided by the threshold of then, or says that it is not on record', () => {
    const unsure = after(told({ kind: 'read', recognition: recognition('direct', 0.5), plan: CHAIN }), dispatch('s1'), done('s1'));
    const worker: ForkChange = { kind: 'worker', instance: 'w9' };
    const sameThreshold = again(unsure, worker, 0.1);
    expect(lines(sameThreshold)).not.toContain('removed fellback');
    expect(sameThreshold.assumedThreshold).toBeUndefined();
    const older = unsure.map((event) =>
      event.type === 'recognised' ? { ...event, data: { ...event.data, threshold: undefined } } : event,
    ) as DelegationEvent[];
    const assumed = again(JSON.parse(JSON.stringify(older)) as DelegationEvent[], worker, 0.1);
    expect(assumed.assumedThreshold).toBe(0.1);
    expect(lines(assumed)).toContain('removed fellback');
    expect(lines(assumed)).not.toContain('changed recognised');
  });

  it('with another worker says what it would have done from an event on', () => {
    const before = chain.findIndex(({ type, data }) => type === 'stepdispatched' && 'stepId' in data && data.stepId === 'b');
    const result = again(chain, { kind: 'worker', instance: 'w9', afterVersion: before });
    expect(result.status).toBe('completed');
    expect(lines(result).filter((line) => line.startsWith('changed stepdispatched'))).toEqual([
      'changed stepdispatched b',
      'changed stepdispatched b',
      'changed stepdispatched c',
    ]);
    expect(result.diff.find(({ type, is }) => type === 'stepdispatched' && is === 'changed')?.fields).toEqual({
      instance: { before: 'w1', after: 'w9' },
    });
  });

  it('asks again for an approval of what is not what was approved', () => {
    const asked = { approval: 'plan' as const, steps: steps({ a: [] }) };
    const approved = after(request(asked), steer('approve', { commandId: 'c1', by: 'boss' }), dispatch('a'), done('a'));
    expect(again(approved, { kind: 'threshold', threshold: 0.6 }).status).toBe('completed');
    const changed = again(approved, { kind: 'plan', steps: steps({ a: [], b: ['a'] }) });
    expect(changed).toMatchObject({ approvals: ['plan'], reused: [], status: 'active' });
  });

  it('refuses what cannot be compared any more', () => {
    const erased = chain.map((event) => ({ ...event, personal: undefined })) as DelegationEvent[];
    expect(() => again(erased, { kind: 'threshold', threshold: 0.5 })).toThrow(expect.objectContaining({ code: 'CANNOT_FORK' }));
  });

  it('with nothing changed ends any story as it ended', () =>
    fc.assert(
      fc.property(script, (story) => {
        const scenes = play(story);
        const recorded = scenes.flatMap(({ events }) => events);
        const ended = scenes.at(-1)?.after;
        if (!ended || ended.status === 'absent' || ended.status === 'rejected') return;
        const result = fork(
          recorded,
          { kind: 'threshold', threshold: story.asked.threshold },
          { id: ID, agents: story.asked.agents, defaultThreshold: story.asked.threshold },
        );
        // Which timer noticed first is the wake's, and that is no event.
        expect([result.status, lines(result).filter((line) => !line.includes('steptimedout'))]).toEqual([ended.status, []]);
      }),
      { numRuns: 1_000 },
    ));
});
