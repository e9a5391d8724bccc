import { describe, expect, it } from '@jest/globals';
import { blockOf, chooseWorker, takeTokens, type Candidate, type Worker } from './blocks.js';
import { Buckets } from './buckets.js';
import { Occupancy, type SlotHolder } from './occupancy.js';
import { OPEN_POLICY, type Policy } from './policy.js';
import { AGEING_MS_A_LEVEL, urgencyOf } from './urgency.js';

const NOW = 1_000_000;
const step: Candidate = { tenant: 't', capability: 'search', key: 'k' };
let holders = 0;
const holder = (more: Partial<SlotHolder> = {}): SlotHolder => ({
  tenant: 't',
  delegationId: `d${++holders}`,
  stepId: 's',
  attempt: 1,
  lease: 1,
  instance: 'w1',
  capability: 'search',
  key: null,
  ...more,
});
const occupied = (...held: SlotHolder[]): Occupancy => {
  const occupancy = new Occupancy();
  for (const one of held) occupancy.hold(one, true, 0);
  return occupancy;
};
const policy = (change: Partial<Policy>): Policy => ({ ...OPEN_POLICY, ...change });
const block = (change: Partial<Policy>, occupancy = new Occupancy(), candidate = step): unknown =>
  blockOf(candidate, policy(change), occupancy, new Buckets(), NOW);

describe('what stands in the way', () => {
  it('is nothing under an open policy', () => expect(block({})).toBeNull());

  it.each([
    ['tenant', { 'tenant:': 1 }, { kind: 'limit', limit: 'tenant', name: '', max: 1, running: 1 }],
    ['capability', { 'capability:search': 1 }, { kind: 'limit', limit: 'capability', name: 'search', max: 1, running: 1 }],
    ['key', { 'key:k': 1 }, { kind: 'limit', limit: 'key', name: 'k', max: 1, running: 1 }],
  ])('is the limit of the %s, exactly', (_kind, limits, expected) => {
    expect(block({ limits }, occupied(holder({ key: 'k' })))).toEqual(expected);
    expect(block({ limits }, occupied())).toBeNull();
    expect(block({ limits }, occupied(holder({ tenant: 'other', key: 'k' })))).toBeNull();
  });

  it('is a limit of nothing at all, at once', () => expect(block({ limits: { 'tenant:': 0 } })).toMatchObject({ kind: 'limit', max: 0 }));

  it('is the limit of every key alike, unless one has its own', () => {
    const limits = { 'key:*': 1, 'key:vip': 2 };
    const occupancy = occupied(holder({ key: 'k' }), holder({ key: 'vip' }));
    expect(block({ limits }, occupancy)).toMatchObject({ limit: 'key', name: 'k', max: 1 });
    expect(block({ limits }, occupancy, { ...step, key: 'vip' })).toBeNull();
    expect(block({ limits }, occupancy, { ...step, key: null })).toBeNull();
  });

  it('is no limit of a key that the step does not have', () =>
    expect(block({ limits: { 'key:k': 0 } }, occupied(), { ...step, key: null })).toBeNull());

  it('is a pause before anything else, with its reason', () =>
    expect(block({ paused: { 'capability:search': 'index is built' }, limits: { 'tenant:': 0 } })).toEqual({
      kind: 'paused',
      what: 'capability',
      name: 'search',
      reason: 'index is built',
    }));
});

describe('a rate', () => {
  const rates = { 'capability:search': { burst: 2, perSecond: 0.5 } };

  it('lets a burst through, and then one each time it has refilled', () => {
    const buckets = new Buckets();
    const at = (now: number): unknown => {
      const found = blockOf(step, policy({ rates }), occupied(), buckets, now);
      if (!found) takeTokens(step, policy({ rates }), buckets, now);
      return found?.kind === 'rate' ? found.readyAt : found;
    };
    expect([at(NOW), at(NOW), at(NOW)]).toEqual([null, null, NOW + 2_000]);
    expect(at(NOW + 1_999)).toBe(NOW + 2_000);
    expect(at(NOW + 2_000)).toBeNull();
    expect(at(NOW + 2_000)).toBe(NOW + 4_000);
  });

  it('gives no second burst to a scheduler that takes over', () => {
    const buckets = new Buckets(NOW);
    expect(blockOf(step, policy({ rates }), occupied(), buckets, NOW)).toMatchObject({ kind: 'rate', readyAt: NOW + 2_000 });
    expect(blockOf(step, policy({ rates }), occupied(), buckets, NOW + 60_000)).toBeNull();
  });

  it('is never exceeded, however the questions fall', () => {
    const buckets = new Buckets();
    const rate = { 'key:k': { burst: 3, perSecond: 10 } };
    let dispatched = 0;
    for (let now = NOW; now < NOW + 10_000; now += 7) {
      if (blockOf(step, policy({ rates: rate }), occupied(), buckets, now)) continue;
      takeTokens(step, policy({ rates: rate }), buckets, now);
      dispatched++;
    }
    expect(dispatched).toBeGreaterThanOrEqual(100);
    expect(dispatched).toBeLessThanOrEqual(103);
  });
});

describe('the choice of a worker', () => {
  const workers: Worker[] = [
    { instance: 'w1', name: 'one', concurrency: 2 },
    { instance: 'w2', name: 'two', concurrency: 4 },
  ];
  const choose = (change: Partial<Policy>, occupancy = new Occupancy(), there = workers): unknown =>
    chooseWorker(step, there, policy(change), occupancy);

  it('falls on the least loaded for its size', () => {
    const one = occupied(holder(), holder({ instance: 'w2' }));
    expect(choose({}, one)).toEqual({ worker: workers[1] });
    const two = occupied(holder({ instance: 'w2' }), holder({ instance: 'w2' }));
    expect(choose({}, two)).toEqual({ worker: workers[0] });
  });

  it('passes by who drains, is quarantined, paused or at its own limit', () => {
    expect(choose({ workers: { w1: 'draining' } })).toEqual({ worker: workers[1] });
    expect(choose({ workers: { w2: 'quarantined' } })).toEqual({ worker: workers[0] });
    expect(choose({ paused: { 'agent:one': '' } })).toEqual({ worker: workers[1] });
    expect(choose({ limits: { 'worker:w1': 1 } }, occupied(holder(), holder({ instance: 'w2', capability: 'other' })))).toEqual({
      worker: workers[1],
    });
  });

  it('says why there is none', () => {
    expect(choose({}, new Occupancy(), [])).toEqual({ block: { kind: 'no-worker', capability: 'search' } });
    const full = occupied(holder(), holder(), ...Array.from({ length: 4 }, () => holder({ instance: 'w2' })));
    expect(choose({}, full)).toEqual({ block: { kind: 'busy', capability: 'search', slots: 6 } });
    const away = { w1: 'draining', w2: 'quarantined' } as const;
    expect(choose({ workers: away })).toEqual({ block: { kind: 'worker-mode', worker: 'w1', mode: 'draining' } });
    expect(choose({ workers: { w2: 'quarantined' } }, full)).toEqual({ block: { kind: 'busy', capability: 'search', slots: 2 } });
    expect(choose({ limits: { 'worker:w1': 0, 'worker:w2': 0 } })).toMatchObject({ block: { kind: 'limit', limit: 'worker', name: 'w1' } });
  });
});

describe('order', () => {
  it('goes by priority, and a minute of waiting makes up for a level', () => {
    const low = urgencyOf(NOW, 0);
    expect(urgencyOf(NOW, 9)).toBeLessThan(low);
    expect(urgencyOf(NOW + 9 * AGEING_MS_A_LEVEL + 1, 9)).toBeGreaterThan(low);
    expect(urgencyOf(NOW + 1, 4)).toBeGreaterThan(urgencyOf(NOW, 4));
  });
});
