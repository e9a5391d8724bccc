/** Chances of the four patterns, and how they are mixed, sharpened and rounded. */
import { PATTERNS, type Pattern } from '@mandate/contracts';

/** Of direct, sequential, parallel and meta. */
export type Chances = readonly [number, number, number, number];

export const ORDER = ['direct', 'sequential', 'parallel', 'meta'] as const satisfies readonly Pattern[];
export const CLASSES: number = PATTERNS.length;

export const chancesFrom = (of: (place: number) => number): Chances => [of(0), of(1), of(2), of(3)];

export const softmax = (scores: ArrayLike<number>): Chances => {
  const top = Math.max(scores[0] as number, scores[1] as number, scores[2] as number, scores[3] as number);
  const raised = chancesFrom((c) => Math.exp((scores[c] as number) - top));
  const total = raised[0] + raised[1] + raised[2] + raised[3];
  return chancesFrom((c) => (raised[c] as number) / total);
};

export const mixed = (share: number, a: Chances, b: Chances): Chances =>
  chancesFrom((c) => share * (a[c] as number) + (1 - share) * (b[c] as number));

/** Above 1 sharper, below 1 flatter. */
export const sharpened = (chances: Chances, power: number): Chances => softmax(chances.map((chance) => power * Math.log(chance + 1e-9)));

/** One given step leaves nothing to divide, several leave nothing whole, and two cannot branch and go on. */
export const withSteps = (chances: Chances, givenSteps: number): Chances => {
  if (givenSteps === 0) return chances;
  if (givenSteps === 1) return [1, 0, 0, 0];
  const open = chancesFrom((c) => (c === 0 || (c === 3 && givenSteps === 2) ? 0 : (chances[c] as number) + 1e-6));
  const total = open[0] + open[1] + open[2] + open[3];
  return chancesFrom((c) => (open[c] as number) / total);
};

/** A millionth, as a power of two: sums of such numbers are exact, in whatever order they are added. */
const UNITS = 1 << 20;

/** The same chances in whole units, so that they sum to exactly 1; the likeliest takes what rounding leaves. */
export const exact = (chances: Chances): Chances => {
  const total = chances[0] + chances[1] + chances[2] + chances[3];
  const units = chances.map((chance) => Math.floor((chance / total) * UNITS));
  const top = best(chances);
  units[top] = (units[top] as number) + UNITS - units.reduce((a, b) => a + b, 0);
  return chancesFrom((c) => (units[c] as number) / UNITS);
};

/** The place of the likeliest; of equals, the first. */
export const best = (chances: Chances): number => {
  let top = 0;
  for (let c = 1; c < CLASSES; c++) if ((chances[c] as number) > (chances[top] as number)) top = c;
  return top;
};
