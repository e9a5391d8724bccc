import { describe, expect, it } from '@jest/globals';
import { logistic } from './logistic.js';
import { randomFrom } from './random.js';

const chanceOf = (weights: readonly number[], row: readonly number[]): number =>
  1 / (1 + Math.exp(-row.reduce((sum, value, i) => sum + value * (weights[i + 1] as number), weights[0] as number)));

describe('logistic regression', () => {
  it('finds the weights that cases were drawn with, whatever the unit of their numbers', () => {
    const random = randomFrom(1);
    const drawn = [0.5, 2, -0.03];
    const rows = Array.from({ length: 20_000 }, () => [random() * 4 - 2, random() * 200 - 100]);
    const truths = rows.map((row) => random() < chanceOf(drawn, row));
    const found = logistic(
      rows,
      truths,
      rows.map(() => 1 / rows.length),
    );
    found.forEach((weight, i) => expect(Math.abs(weight / (drawn[i] as number) - 1)).toBeLessThan(0.1));
  });

  it('counts a case as often as it weighs', () => {
    const rows = [[0], [0], [1]];
    const [base] = logistic(rows, [true, false, true], [0.6, 0.2, 0.2]) as [number];
    expect(1 / (1 + Math.exp(-base))).toBeCloseTo(0.75, 2);
  });

  it('stays finite where the cases can be told apart completely, and where a number never changes', () => {
    const rows = Array.from({ length: 40 }, (_, i) => [i, 7]);
    const found = logistic(
      rows,
      rows.map((_, i) => i >= 20),
      rows.map(() => 1 / 40),
    );
    expect(found.every(Number.isFinite)).toBe(true);
    expect(chanceOf(found, [0, 7])).toBeLessThan(0.1);
    expect(chanceOf(found, [39, 7])).toBeGreaterThan(0.9);
  });
});
