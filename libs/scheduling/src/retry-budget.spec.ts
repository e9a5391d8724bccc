import { describe, expect, it } from '@jest/globals';
import type { AskReason } from '@mandate/contracts';
import { seeded } from '@mandate/testing';
import { Allocator, type StepToPlace } from './allocator.js';
import { OPEN_POLICY, type Policy } from './policy.js';
import { retriesAllowed, RETRY_WINDOW_MS, type RetryBudget } from './retry-budget.js';

const T0 = 1_700_000_000_000;
const SECOND = 1_000;

let names = 0;
const step = (reason: AskReason, capability = 'search'): StepToPlace => ({
  ...{ tenant: 't', delegationId: `d${++names}`, stepId: 's', attempt: reason === 'first' ? 1 : 2, lease: 1 },
  ...{ capability, key: null, reason },
});
const budget = (given: RetryBudget, capability = '*'): Policy => ({
  ...OPEN_POLICY,
  guards: { ...OPEN_POLICY.guards, retryBudgets: new Map([[capability, given]]) },
});
const allocatorOf = (policy = OPEN_POLICY): Allocator =>
  new Allocator({
    capacity: Infinity,
    policyOf: () => policy,
    workersFor: () => [{ instance: 'w', name: 'w', concurrency: 1_000_000 }],
  });
/** How many of them get a slot. */
const granted = (allocator: Allocator, count: number, now: number, reason: AskReason = 'retry', capability = 'search'): number =>
  Array.from({ length: count }, () => allocator.choose(step(reason, capability), now)).filter((choice) => 'granted' in choice).length;

describe('retries of a capability', () => {
  it('are ten a minute in any case', () => {
    const allocator = allocatorOf();
    expect(granted(allocator, 15, T0)).toBe(10);
    expect(granted(allocator, 15, T0 + 59 * SECOND)).toBe(0);
    expect(granted(allocator, 15, T0 + 61 * SECOND)).toBe(10);
  });

  it('are a tenth of its first attempts within the minute, where that is more', () => {
    const allocator = allocatorOf();
    expect(granted(allocator, 300, T0, 'first')).toBe(300);
    expect(granted(allocator, 100, T0)).toBe(30);
    expect(granted(allocator, 100, T0 + 61 * SECOND)).toBe(10);
  });

  it('are counted for each capability and tenant alone', () => {
    const allocator = allocatorOf();
    expect(granted(allocator, 11, T0)).toBe(10);
    expect(granted(allocator, 11, T0, 'retry', 'write')).toBe(10);
    expect('granted' in allocator.choose({ ...step('retry'), tenant: 'other' }, T0)).toBe(true);
  });

  it.each<AskReason>(['first', 'worker-lost', 'not-accepted', 'answered'])('are not what is asked for again as %s', (reason) => {
    const allocator = allocatorOf();
    expect(granted(allocator, 10, T0)).toBe(10);
    expect(granted(allocator, 50, T0, reason)).toBe(50);
  });

  it('do not count twice when another worker is offered the same attempt', () => {
    const allocator = allocatorOf();
    for (let lease = 2; lease < 30; lease++) allocator.choose({ ...step('retry'), reason: 'first', lease }, T0);
    expect(granted(allocator, 15, T0)).toBe(10);
  });

  it('say what is spent, and when there is more', () => {
    const allocator = allocatorOf();
    granted(allocator, 50, T0, 'first');
    granted(allocator, 4, T0);
    granted(allocator, 6, T0 + 20 * SECOND);
    expect(allocator.choose(step('retry'), T0 + 30 * SECOND)).toEqual({
      block: { kind: 'retry-budget', capability: 'search', retries: 10, traffic: 50, allowed: 10, readyAt: T0 + 61 * SECOND },
    });
    expect(allocator.explain(step('retry'), T0 + 30 * SECOND).block).toMatchObject({ kind: 'retry-budget' });
    expect(allocator.explain(step('first'), T0 + 30 * SECOND).block).toBeNull();
    expect(granted(allocator, 9, T0 + 61 * SECOND)).toBe(4);
  });

  it('have the budget that is set, of the capability before that of all', () => {
    expect(granted(allocatorOf(budget({ percent: 0, perMinute: 3 })), 9, T0)).toBe(3);
    expect(granted(allocatorOf(budget({ percent: 0, perMinute: 3 }, 'search')), 9, T0)).toBe(3);
    expect(granted(allocatorOf(budget({ percent: 0, perMinute: 3 }, 'write')), 19, T0)).toBe(10);
    const none = allocatorOf(budget({ percent: 0, perMinute: 0 }));
    expect(granted(none, 9, T0)).toBe(0);
    expect(none.choose(step('retry'), T0)).toMatchObject({ block: { readyAt: T0 + RETRY_WINDOW_MS } });
  });

  it('let others go first, and are told to have been held', () => {
    const allocator = allocatorOf(budget({ percent: 0, perMinute: 1 }));
    const waiting = [step('retry'), step('retry'), step('first')];
    const steps = waiting.map((one, urgency) => ({ ...one, urgency }));
    const { granted: given, queues } = allocator.handOut([{ tenant: 't', capability: 'search', complete: true, steps }], T0);
    expect(given.map(({ delegationId }) => delegationId)).toEqual([waiting[0]?.delegationId, waiting[2]?.delegationId]);
    expect(queues).toMatchObject([{ ended: 'keys', gave: 2, held: { retries: 1, allowed: 1 } }]);
    expect(queues[0]?.readyAt).toBe(queues[0]?.held?.readyAt);
  });

  it('begin anew with a new scheduler', () => {
    const allocator = allocatorOf();
    expect(granted(allocator, 15, T0)).toBe(10);
    allocator.takeOver(T0);
    expect(granted(allocator, 15, T0)).toBe(10);
  });

  it('never exceed the budget in any window, whatever the traffic does', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      const allocator = allocatorOf();
      const firsts: number[] = [];
      const retries: number[] = [];
      let now = T0;
      for (let n = 0; n < 500; n++) {
        now += random.integer(0, random.pick([10, 500, 5_000]));
        const reason = random.pick<AskReason>(['first', 'retry', 'retry', 'worker-lost']);
        if (!('granted' in allocator.choose(step(reason), now))) continue;
        if (reason === 'first') firsts.push(now);
        if (reason !== 'retry') continue;
        retries.push(now);
        const within = (times: number[]): number => times.filter((at) => at > now - RETRY_WINDOW_MS).length;
        const allowed = retriesAllowed({ percent: 10, perMinute: 10 }, within(firsts));
        if (within(retries) > allowed) throw new Error(`seed ${seed}: ${within(retries)} retries within a minute, ${allowed} allowed`);
      }
      expect(retries.length).toBeGreaterThan(10);
    }
  });
});
