/** 500 runs of the scheduler under faults; `npm run simulate` makes 10,000. And proof that each rule notices when it is broken. */
import { describe, expect, it } from '@jest/globals';
import { scenarioOf, type Scenario } from './scenario.js';
import { shrink } from './shrink.js';
import { simulate, type Sabotage } from './world.js';

const SEEDS = Array.from({ length: 500 }, (_, n) => n + 1);

const neverOpen = (kind: 'capability' | 'worker'): Scenario['happenings'][number] => ({
  ...{ at: 0, kind: 'policy' },
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
      'breakeropened',
      'breakerhalfopened',
      'breakerclosed',
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
    workers: [{ instance: 'w0', capabilities: { search: concurrency, write: concurrency }, stubborn: false }],
    happenings: [
      // Breakers would leave it alone.
      neverOpen('capability'),
      neverOpen('worker'),
      ...times.map((at, n) => ({ at: at - 4_000, kind: 'request' as const, id: `d${n}`, request: ASKED })),
      ...times.map((at) => ({ at, kind: 'crash' as const, who: 'w0', forMs: 200 })),
    ],
    noise: 0.02,
    calmAt: 1_101 * everyMs + 5_000,
  });
  expect(killed.violation).toBeNull();
  expect(killed.killed).toBeGreaterThanOrEqual(1_000);
}, 60_000);

describe('a broken rule is noticed, and shown in little', () => {
  const firstFailure = (sabotage: Sabotage): { scenario: Scenario; invariant: string } => {
    for (const seed of SEEDS) {
      const scenario = scenarioOf(seed);
      const { violation } = simulate(scenario, { sabotage });
      if (violation) return { scenario, invariant: violation.invariant };
    }
    return { scenario: scenarioOf(1), invariant: 'none' };
  };

  it.each<[Sabotage, string[]]>([
    ['no-limits', ['limit']],
    ['leak', ['leak', 'no-end']],
    ['last-first', ['starvation']],
    ['deaf-to-cancel', ['cancel']],
    ['two-writers', ['applied-twice', 'cancel']],
    ['old-epochs', ['limit']],
    ['no-wakes', ['no-end']],
    ['no-breakers', ['breaker']],
    ['no-budgets', ['retry-budget']],
  ])(
    '%s',
    (sabotage, expected) => {
      const { scenario, invariant } = firstFailure(sabotage);
      expect(expected).toContain(invariant);
      const found = simulate(scenario, { sabotage }).violation;
      if (!found) throw new Error('it was noticed a moment ago');
      const least = shrink(scenario, found, sabotage);
      expect(least.happenings.length).toBeLessThan(scenario.happenings.length);
      expect(simulate(least, { sabotage }).violation?.invariant).toBe(invariant);
    },
    120_000,
  );
});
