/** What was counted in each situation, every family of sources speaking with bounded strength, weighed against what was judged. */
import { CLASSES, chancesFrom, type Chances } from '../chances.js';
import type { Example } from './examples.js';

/** Requests that judgement is worth. */
const JUDGED = 60;
/** The most requests that one family is worth in one situation. */
const MOST = 4;

export const trainSituations = (examples: readonly Example[]): Map<string, Chances> => {
  const byKey = new Map<string, { judged: Chances; families: Map<string, number[]> }>();
  for (const { situation, family, truth } of examples) {
    const entry = byKey.get(situation.key) ?? { judged: situation.judged, families: new Map<string, number[]>() };
    const counts = entry.families.get(family) ?? Array.from({ length: CLASSES }, () => 0);
    counts[truth] = (counts[truth] as number) + 1;
    entry.families.set(family, counts);
    byKey.set(situation.key, entry);
  }
  return new Map([...byKey].map(([key, { judged, families }]) => [key, weighed(judged, [...families.values()])]));
};

const weighed = (judged: Chances, families: readonly (readonly number[])[]): Chances => {
  const sums = judged.map((chance) => JUDGED * chance);
  let total = JUDGED;
  for (const counts of families) {
    const n = counts.reduce((a, b) => a + b, 0);
    const worth = Math.min(MOST, Math.sqrt(n));
    counts.forEach((count, c) => (sums[c] = (sums[c] as number) + (worth * count) / n));
    total += worth;
  }
  return chancesFrom((c) => (sums[c] as number) / total);
};
