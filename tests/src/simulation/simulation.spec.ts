/** 500 runs of the scheduler under faults; `npm run simulate` makes 10,000. And proof that each rule notices when it is broken. */
import { describe, expect, it } from '@jest/globals';
import type { Violation } from './invariants.js';
import { NO_HABITS, T0, type Happening, type Scenario } from './scenario.js';
import { scenarioOf } from './scenes.js';
import { shrink } from './shrink.js';
import type { Sabotage } from './sabotage.js';
import { simulate, World } from './world.js';

const SEEDS = Array.from({ length: 500 }, (_, n) => n + 1);

const neverOpen = (kind: 'capability' | 'worker'): Happening => ({
  ...{ at: 0, kind: 'policy', tenant: 'a' },
  change: { type: 'set-breaker', kind, name: '*', failurePercent: 100, volume: 1, windowMs: 1_000, openMs: 1_000, probes: 1 },
});

const ASKED = {
  goal: 'g',
  steps: [
    { id: 'a', capability: 'search' },
    { id: 'b', capability: 'write' },
  ],
  budget: { deadline: 'PT10M' },
};

describe('under crashes, cuts, and lost, late and doubled messages', () => {
  it('every rule holds', () => {
    for (const seed of SEEDS) {
      const { violation } = simulate(scenarioOf(seed));
      if (violation) throw new Error(`seed ${seed}: ${violation.invariant}: ${violation.detail}; npm run simulate -- --seed ${seed}`);
    }
  }, 120_000);

  it('the same seed is the same run', () => {
    const run = (): unknown => simulate(scenarioOf(7), { traced: true });
    expect(run()).toEqual(run());
  });

  it('something happens', () => {
    const traces = SEEDS.slice(0, 100).map((seed) => simulate(scenarioOf(seed), { traced: true }).trace.join('\n'));
    for (const seen of [
      'completed',
      'canceled',
      'failed',
      'stepretried',
      'steptimedout',
      'SCHEDULER_FENCED',
      'FENCED',
      'unknown',
      'waits',
      'crashes',
      'approved',
      'approvalexpired',
      'denied',
      'inputrequired',
      'answered',
      'childadmitted',
      'childended',
      'compensating',
      'quarantined',
      'set-rate',
      'breakeropened',
      'breakerhalfopened',
      'breakerclosed',
      'delay',
    ])
      expect({ seen, in: traces.some((trace) => trace.includes(seen)) }).toEqual({ seen, in: true });
  });
});

it('a worker that is killed a thousand times with slots in its hands leaves none behind', () => {
  const everyMs = 2_500;
  const times = Array.from({ length: 1_100 }, (_, n) => 5_000 + n * everyMs);
  const concurrency = { concurrency: 3, effects: 'idempotent' as const };
  const killed = simulate({
    seed: 1,
    capacity: null,
    habits: NO_HABITS,
    workers: [{ instance: 'a-w0', capabilities: { search: concurrency, write: concurrency }, stubborn: false }],
    happenings: [
      // Breakers would leave it alone.
      neverOpen('capability'),
      neverOpen('worker'),
      ...times.map((at, n) => ({ at: at - 4_000, kind: 'request' as const, id: `a${n}`, request: ASKED })),
      ...times.map((at) => ({ at, kind: 'crash' as const, who: 'a-w0', forMs: 200 })),
    ],
    noise: 0.02,
    calmAt: 1_101 * everyMs + 5_000,
  });
  expect(killed.violation).toBeNull();
  expect(killed.killed).toBeGreaterThanOrEqual(1_000);
}, 60_000);

it('tenants that want more than there is run what their weights say', () => {
  const size = { concurrency: 20, effects: 'idempotent' as const };
  const tenants = [
    { tenant: 'a', weight: 1 },
    { tenant: 'b', weight: 2 },
    { tenant: 'c', weight: 4 },
  ];
  const scenario: Scenario = {
    seed: 1,
    capacity: 14,
    habits: NO_HABITS,
    workers: tenants.map(({ tenant }) => ({ instance: `${tenant}-w0`, capabilities: { search: size, write: size }, stubborn: false })),
    happenings: tenants.flatMap(({ tenant, weight }) => [
      { at: 0, kind: 'policy' as const, tenant, change: { type: 'set-weight' as const, weight } },
      ...Array.from({ length: 60 }, (_, n) => ({ at: 1_000, kind: 'request' as const, id: `${tenant}${n}`, request: ASKED })),
    ]),
    noise: 0,
    calmAt: 0,
  };
  const world = new World(scenario, null, false);
  const seen: Record<string, number>[] = [];
  for (let at = 10; at < 30; at += 0.5)
    world.timeline.at(T0 + at * 1_000, () => {
      const running = [...world.log.slots.values()].map((slot) => slot.tenant);
      seen.push(Object.fromEntries(tenants.map(({ tenant }) => [tenant, running.filter((one) => one === tenant).length])));
    });
  expect(world.run().violation).toBeNull();
  const mean = (tenant: string): number => seen.reduce((sum, counts) => sum + (counts[tenant] ?? 0), 0) / seen.length;
  for (const { tenant, weight } of tenants) expect(Math.abs(mean(tenant) - 2 * weight)).toBeLessThan(1);
});

describe('a broken rule is noticed, and shown in little', () => {
  const firstFailure = (sabotage: Sabotage): { scenario: Scenario; found: Violation } => {
    for (const seed of SEEDS) {
      const scenario = scenarioOf(seed);
      const { violation } = simulate(scenario, { sabotage });
      if (violation) return { scenario, found: violation };
    }
    throw new Error(`${sabotage} is not noticed`);
  };

  it.each<[Sabotage, string[]]>([
    ['no-limits', ['limit']],
    ['no-rates', ['rate']],
    ['no-pauses', ['paused']],
    ['no-quarantine', ['quarantine']],
    ['no-weights', ['fairness']],
    ['no-breakers', ['breaker']],
    ['no-budgets', ['retry-budget']],
    ['lone-queues', ['starvation', 'fairness']],
    ['forgets-news', ['paused', 'quarantine', 'limit', 'rate', 'fairness']],
    ['leak', ['leak', 'no-end']],
    ['last-first', ['starvation']],
    ['deaf-to-cancel', ['cancel']],
    ['slow-to-cancel', ['cancel']],
    ['two-writers', ['applied-twice', 'cancel', 'leak']],
    ['old-epochs', ['limit']],
    ['no-wakes', ['no-end']],
    ['too-early', ['early']],
    ['any-digest', ['approval']],
    ['rich-parents', ['budget']],
    ['orphans', ['orphan']],
    ['undo-forwards', ['compensation']],
    ['busy-wakes', ['idle']],
    ['begins-early', ['begun-twice']],
    ['any-question', ['answer']],
  ])(
    '%s',
    (sabotage, expected) => {
      const { scenario, found } = firstFailure(sabotage);
      expect(expected).toContain(found.invariant);
      const least = shrink(scenario, found, sabotage);
      expect(least.happenings.length).toBeLessThan(scenario.happenings.length / 2);
      expect(simulate(least, { sabotage }).violation?.invariant).toBe(found.invariant);
    },
    120_000,
  );

  // What the product did before, and how it was found: too rare for the first seeds.
  it.each<[Sabotage, number, Violation['invariant']]>([
    ['half-rounds', 99, 'starvation'],
    ['quarantine-once', 1597, 'quarantine'],
    ['readmits', 1887, 'orphan'],
  ])('%s', (sabotage, seed, expected) => {
    expect(simulate(scenarioOf(seed), { sabotage }).violation?.invariant).toBe(expected);
    expect(simulate(scenarioOf(seed)).violation).toBeNull();
  });
});
