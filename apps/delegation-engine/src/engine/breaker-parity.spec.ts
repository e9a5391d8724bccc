/** The breakers of capabilities follow opossum's rule: the same outcomes, at the same times, open, try and close both. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import {
  Allocator,
  capabilityBreaker,
  breakerName,
  decidePolicy,
  evolvePolicy,
  OPEN_POLICY,
  type Policy,
  type PolicyCommand,
} from '@mandate/scheduling';
import { seeded } from '@mandate/testing';
import CircuitBreaker from 'opossum';

const T0 = Date.parse('2026-01-05T09:00:00.000Z');
const RULE = { failurePercent: 50, volume: 5, windowMs: 12_000, openMs: 3_000, probes: 1 };
const by = { by: 'test', reason: '' };
const target = capabilityBreaker('search');

class Ours {
  policy: Policy = OPEN_POLICY;
  private readonly allocator = new Allocator({
    capacity: Infinity,
    policyOf: () => this.policy,
    workersFor: () => [{ instance: 'w', name: 'w', concurrency: 1 }],
  });
  private steps = 0;

  constructor() {
    this.command({ type: 'set-breaker', kind: 'capability', name: 'search', ...RULE, ...by, now: T0 });
    this.command({ type: 'set-breaker', kind: 'worker', name: '*', ...RULE, failurePercent: 100, ...by, now: T0 });
  }

  private command(command: PolicyCommand): void {
    for (const event of decidePolicy(command, this.policy)) {
      this.policy = evolvePolicy(this.policy, event);
      this.allocator.policyChanged('t', event);
    }
  }

  get state(): string {
    return this.policy.guards.breakers.get(breakerName(target))?.state ?? 'closed';
  }

  tick(now: number): void {
    this.command({ type: 'try-breaker', ...target, ...by, now });
  }

  /** False: it was not let through. */
  call(isWell: boolean, now: number): boolean {
    const step = { tenant: 't', delegationId: `d${++this.steps}`, stepId: 's', attempt: 1, lease: 1, capability: 'search', key: null };
    const choice = this.allocator.choose(step, now);
    if (!('granted' in choice)) return false;
    for (const verdict of this.allocator.ended({ ...choice.granted, result: isWell ? 'succeeded' : 'failed' }, now))
      this.command({ ...verdict, ...by, now });
    this.allocator.free([choice.granted]);
    return true;
  }
}

const stateOf = (breaker: CircuitBreaker): string => (breaker.halfOpen ? 'half-open' : breaker.opened ? 'open' : 'closed');

beforeEach(() => void jest.useFakeTimers({ now: T0 }));
afterEach(() => void jest.useRealTimers());

/** Until it has been tried: from then on ours forgets what it had counted, and is open for twice as long. Resolves to the states on the way. */
const both = async (seed: number): Promise<string> => {
  const random = seeded(seed);
  const ours = new Ours();
  const theirs = new CircuitBreaker((isWell: boolean) => (isWell ? Promise.resolve() : Promise.reject(new Error('BAD_DAY'))), {
    ...{ timeout: false, errorThresholdPercentage: RULE.failurePercent, volumeThreshold: RULE.volume },
    ...{ rollingCountTimeout: RULE.windowMs, rollingCountBuckets: 12, resetTimeout: RULE.openMs },
  });
  const states = ['closed'];
  try {
    for (let n = 0; n < 100 && states.length < 4; n++) {
      await jest.advanceTimersByTimeAsync(random.pick([0, 0, 1_000, 1_000, 3_000]));
      const now = Date.now();
      ours.tick(now);
      expect({ seed, n, state: ours.state }).toEqual({ seed, n, state: stateOf(theirs) });
      if (ours.state !== states.at(-1)) states.push(ours.state);
      const isWell = random.next() > random.pick([0.2, 0.6]);
      const isLetThrough = stateOf(theirs) !== 'open';
      await theirs.fire(isWell).catch(() => undefined);
      expect({ seed, n, isLetThrough: ours.call(isWell, now), state: ours.state }).toEqual({
        seed,
        n,
        isLetThrough,
        state: stateOf(theirs),
      });
      if (ours.state !== states.at(-1)) states.push(ours.state);
    }
    return states.join(' ');
  } finally {
    theirs.shutdown();
  }
};

it('opens, is tried and closes or opens again at the same moments', async () => {
  const ways = new Set<string>();
  for (let seed = 1; seed <= 100; seed++) {
    jest.setSystemTime(T0);
    ways.add(await both(seed));
  }
  expect(ways).toContain('closed open half-open closed');
  expect(ways).toContain('closed open half-open open');
});
