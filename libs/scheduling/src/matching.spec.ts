import { describe, expect, it } from '@jest/globals';
import { seeded } from '@mandate/testing';
import { matchWorker } from './matching.js';
import { observed, type Standing } from './reputation.js';

const HOUR = 3_600_000;
const worker = (instance: string) => ({ instance, name: 'w', concurrency: 4 });
const standing = (succeeded: number, failed: number, ms = 100): Standing => {
  let made: Standing | null = null;
  for (let i = 0; i < succeeded; i++) made = observed(made, { result: 'succeeded', late: false, ms, at: 0 }, HOUR);
  for (let i = 0; i < failed; i++) made = observed(made, { result: 'failed', late: false, ms: null, at: 0 }, HOUR);
  return made as Standing;
};

interface Candidate {
  load?: number;
  standing?: Standing;
}

/** How often each gets the step, of a thousand. */
const shares = (candidates: Record<string, Candidate>, choices = 1_000, seed = 1): Record<string, number> => {
  const random = seeded(seed).next;
  const free = Object.entries(candidates).map(([instance, { load = 0 }]) => ({ worker: worker(instance), load }));
  const count = Object.fromEntries(Object.keys(candidates).map((name) => [name, 0]));
  for (let i = 0; i < choices; i++) {
    const { instance } = matchWorker(free, (one) => candidates[one.instance]?.standing, random);
    count[instance] = (count[instance] ?? 0) + 1;
  }
  return count;
};

describe('a step', () => {
  it('goes to the least loaded while nothing is known of anybody, and equal ones take turns by chance', () => {
    expect(shares({ a: { load: 0.5 }, b: { load: 0 } })).toEqual({ a: 0, b: 1_000 });
    const { a = 0, b = 0 } = shares({ a: {}, b: {} });
    expect(Math.abs(a - b)).toBeLessThan(150);
  });

  it('goes to the better worker, even where that one has more in hand', () => {
    const { good = 0, bad = 0 } = shares({ good: { standing: standing(49, 1), load: 0.75 }, bad: { standing: standing(10, 40) } });
    expect(good).toBeGreaterThan(950);
    expect(bad).toBeGreaterThan(0);
  });

  it('goes to the faster worker, though not to one that only fails fast', () => {
    const { fast = 0 } = shares({ fast: { standing: standing(50, 0, 100) }, slow: { standing: standing(50, 0, 300) } });
    expect(fast).toBeGreaterThan(900);
    const { sound = 0 } = shares({ sound: { standing: standing(50, 0, 2_000) }, failing: { standing: standing(2, 48, 1) } });
    expect(sound).toBeGreaterThan(900);
  });

  it('is shared evenly by workers that are equally good', () => {
    const equal = { standing: standing(95, 5) };
    for (const count of Object.values(shares({ a: equal, b: equal, c: equal, d: equal }, 4_000))) {
      expect(count).toBeGreaterThan(850);
      expect(count).toBeLessThan(1_150);
    }
  });

  it('is given to a new worker as soon as to those that are known', () => {
    const known = { standing: standing(95, 5) };
    expect(shares({ known, fresh: {} })['fresh']).toBeGreaterThan(200);
  });

  it('is given to one that was bad, more often as that fades', () => {
    const good = { standing: standing(950, 50) };
    const bad = standing(0, 100);
    const share = (left: number): number => shares({ good, bad: { standing: { ...bad, failed: 100 * left } } }, 5_000)['bad'] ?? 0;
    const [full, later, latest] = [share(1), share(0.05), share(0.005)];
    expect(full).toBeGreaterThan(20);
    expect(full).toBeLessThan(100);
    expect(later).toBeGreaterThan(full);
    expect(latest).toBeGreaterThan(later);
  });

  it('goes the same way by the same state and the same randomness', () => {
    const candidates = { a: { standing: standing(9, 1) }, b: { standing: standing(8, 2) }, c: {} };
    expect(shares(candidates, 100, 7)).toEqual(shares(candidates, 100, 7));
    expect(shares(candidates, 100, 7)).not.toEqual(shares(candidates, 100, 8));
  });

  it('finds the good among very many, without looking at all of them', () => {
    const good = standing(50, 0);
    const bad = standing(5, 45);
    let looked = 0;
    const free = Array.from({ length: 1_000 }, (_, n) => ({ worker: worker(`w${n}`), load: 0 }));
    const random = seeded(3).next;
    let hits = 0;
    for (let i = 0; i < 500; i++) {
      const chosen = matchWorker(
        free,
        ({ instance }) => {
          looked++;
          return Number(instance.slice(1)) % 2 === 0 ? good : bad;
        },
        random,
      );
      if (Number(chosen.instance.slice(1)) % 2 === 0) hits++;
    }
    expect(hits).toBeGreaterThan(480);
    expect(looked).toBe(500 * 16);
  });
});
