import { describe, expect, it } from '@jest/globals';
import { seeded } from './seeded.js';

const draw = (seed: number): number[] => Array.from({ length: 1_000 }, seeded(seed).next);

describe('seeded', () => {
  it('gives the same for the same seed, and something else for another', () => {
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
  });

  it('spreads over its range, both ends included', () => {
    const random = seeded(1);
    const counts = new Map<number, number>();
    for (let i = 0; i < 10_000; i++) {
      const drawn = random.integer(3, 7);
      counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([3, 4, 5, 6, 7]);
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  it('shuffles without losing anything and without touching the original', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8];
    const shuffled = seeded(5).shuffle(items);
    expect(items).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort()).toEqual(items);
    expect(() => seeded(5).pick([])).toThrow('nothing to pick from');
  });
});
