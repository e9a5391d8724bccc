import { describe, expect, it } from '@jest/globals';
import { Allocator, type Handout } from './allocator.js';
import type { Worker } from './blocks.js';
import { OPEN_POLICY, type Policy } from './policy.js';
import { nextReading, type Queue, type QueuedStep } from './turns.js';

const NOW = 1_000_000;
const WORKERS: Worker[] = [{ instance: 'w', name: 'w', concurrency: 100 }];

let steps = 0;
const step = (tenant: string, capability: string, urgency: number, key: string | null = null): QueuedStep => ({
  tenant,
  delegationId: `d${++steps}`,
  stepId: 's',
  attempt: 1,
  lease: 1,
  capability,
  key,
  urgency,
});
const queue = (tenant: string, capability: string, urgencies: (number | [number, string])[], complete = true): Queue => ({
  tenant,
  capability,
  complete,
  steps: urgencies.map((one) => (typeof one === 'number' ? step(tenant, capability, one) : step(tenant, capability, ...one))),
});
const allocator = (policies: Record<string, Partial<Policy>>, capacity = Infinity): Allocator =>
  new Allocator({ capacity, policyOf: (tenant) => ({ ...OPEN_POLICY, ...policies[tenant] }), workersFor: () => WORKERS });
const given = ({ granted }: Handout): string[] => granted.map(({ tenant, capability }) => `${tenant}/${capability}`);
const ends = ({ queues }: Handout): string[] => queues.map(({ ended }) => ended);

describe('queues of one tenant', () => {
  it('share its limit by urgency, whatever they are for', () => {
    const handout = allocator({ t: { limits: { 'tenant:': 3 } } }).handOut(
      [queue('t', 'search', [5, 6, 7]), queue('t', 'write', [1, 2, 8])],
      NOW,
    );
    expect(given(handout)).toEqual(['t/write', 't/write', 't/search']);
    expect(ends(handout)).toEqual(['held-up', 'held-up']);
  });

  it('share a key by urgency, and what has another key goes on', () => {
    const handout = allocator({ t: { limits: { 'key:*': 1 } } }).handOut(
      [queue('t', 'search', [[5, 'k'], 6]), queue('t', 'write', [[1, 'k']])],
      NOW,
    );
    expect(given(handout)).toEqual(['t/write', 't/search']);
    expect(ends(handout)).toEqual(['keys', 'ran-out']);
  });

  it('are not in each other’s way when they share nothing', () => {
    const handout = allocator({ t: { paused: { 'capability:write': 'index' } } }).handOut(
      [queue('t', 'write', [1]), queue('t', 'search', [2])],
      NOW,
    );
    expect(given(handout)).toEqual(['t/search']);
    expect(ends(handout)).toEqual(['held-up', 'ran-out']);
  });

  it('wait for one of them to be read on when its turn may be first', () => {
    const limits = { t: { limits: { 'tenant:': 9 } } };
    const handout = allocator(limits).handOut([queue('t', 'write', [1], false), queue('t', 'search', [2])], NOW);
    expect(given(handout)).toEqual(['t/write']);
    expect(ends(handout)).toEqual(['open', 'open']);
  });
});

describe('tenants', () => {
  it('share the capacity by their weights, however many wait and however urgent they are', () => {
    const waiting = ['a', 'b', 'c'].map((tenant, i) =>
      queue(
        tenant,
        'search',
        Array.from({ length: 20 }, (_, n) => n - 100 * i),
      ),
    );
    const handout = allocator({ b: { weight: 2 }, c: { weight: 4 } }, 14).handOut(waiting, NOW);
    expect(['a/search', 'b/search', 'c/search'].map((name) => given(handout).filter((one) => one === name).length)).toEqual([2, 4, 8]);
  });

  it('leave to others what they cannot use', () => {
    const handout = allocator({ b: { paused: { 'tenant:': 'month end' } } }, 4).handOut(
      [queue('a', 'search', [1, 2, 3, 4]), queue('b', 'search', [1])],
      NOW,
    );
    expect(given(handout)).toHaveLength(4);
  });

  it('count what they run already', () => {
    const shared = allocator({}, 4);
    expect(given(shared.handOut([queue('a', 'search', [1, 2, 3])], NOW))).toHaveLength(3);
    expect(given(shared.handOut([queue('a', 'search', [1, 2]), queue('b', 'search', [9])], NOW))).toEqual(['b/search']);
  });
});

describe('who did not wait yet', () => {
  it('queues up behind those of other tenants who wait for the capacity', () => {
    const full = allocator({}, 1);
    full.handOut([queue('a', 'search', [1, 2])], NOW);
    expect(full.mustQueue(step('b', 'write', NOW))).toBe(true);
  });

  it('queues up behind another capability that waits for the same limit, and not for another', () => {
    const limited = allocator({ t: { limits: { 'tenant:': 1 } }, other: {} });
    limited.handOut([queue('t', 'search', [1, 2])], NOW);
    expect(limited.mustQueue(step('t', 'write', NOW))).toBe(true);
    expect(limited.mustQueue(step('other', 'write', NOW))).toBe(false);
  });

  it('queues up behind its own key only', () => {
    const limited = allocator({ t: { limits: { 'key:k': 1 } } });
    limited.handOut(
      [
        queue('t', 'search', [
          [1, 'k'],
          [2, 'k'],
        ]),
      ],
      NOW,
    );
    expect(limited.mustQueue(step('t', 'write', NOW, 'k'))).toBe(true);
    expect(limited.mustQueue(step('t', 'write', NOW, 'l'))).toBe(false);
    expect(limited.mustQueue(step('t', 'write', NOW))).toBe(false);
  });

  it('queues up behind those whose grants came to nothing, until their queue is looked at', () => {
    const shared = allocator({ t: { limits: { 'tenant:': 5 } } });
    const { granted } = shared.handOut([queue('t', 'search', [1, 2])], NOW);
    expect(shared.mustQueue(step('t', 'write', NOW))).toBe(false);
    shared.takeBack(granted.slice(0, 1));
    expect(shared.mustQueue(step('t', 'write', NOW))).toBe(true);
    shared.handOut([queue('t', 'search', [])], NOW);
    expect(shared.mustQueue(step('t', 'write', NOW))).toBe(false);
    shared.reconcile([], NOW + 1, true);
    expect(shared.mustQueue(step('t', 'write', NOW))).toBe(true);
  });

  it('does not wait for what is paused, or has no free worker', () => {
    const paused = allocator({ t: { paused: { 'capability:search': 'index' } } }, 5);
    paused.handOut([queue('t', 'search', [1])], NOW);
    expect(paused.mustQueue(step('t', 'write', NOW))).toBe(false);
  });

  it('waits for a queue that nobody has looked at yet, until it is empty', () => {
    const shared = allocator({}, 5);
    shared.queued({ tenant: 'a', capability: 'search' });
    expect(shared.mustQueue(step('b', 'write', NOW))).toBe(true);
    shared.emptied({ tenant: 'a', capability: 'search' });
    expect(shared.mustQueue(step('b', 'write', NOW))).toBe(false);
  });
});

it('what is in the way is told before the capacity of all, which comes last', () => {
  const full = allocator({ t: { paused: { 'tenant:': 'month end' } } }, 1);
  full.handOut([queue('other', 'search', [1])], NOW);
  expect(full.explain(step('t', 'search', NOW), NOW).block).toMatchObject({ kind: 'paused' });
  expect(full.explain(step('other', 'search', NOW), NOW).block).toEqual({ kind: 'capacity', max: 1, running: 1 });
});

it.each([
  ['open', 0, 'first', 'first'],
  ['open', 0, 'keys', 'keys'],
  ['keys', 2, 'first', 'first'],
  ['keys', 0, 'first', 'keys'],
  ['keys', 0, 'keys', null],
  ['ran-out', 3, 'first', null],
  ['ran-out', 3, 'keys', 'keys'],
  ['ran-out', 0, 'keys', null],
  ['held-up', 3, 'first', null],
] as const)('a queue that ended %s after %i steps of its %s is read on by %s', (ended, gave, last, next) =>
  expect(nextReading({ ended, gave, readyAt: null, held: null }, last)).toBe(next),
);
