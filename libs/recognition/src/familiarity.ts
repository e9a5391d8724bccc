/** How familiar a request reads: the numbers that tell strangers from requests like those trained on. */
import { countsAt, slotIn, UNPACKED } from './counts.js';
import { emptyRuns, fillRuns, LEAN, type StyleModel, type StyleView, type View } from './style.js';
import type { Token } from './tokens.js';

export interface Familiarity {
  /** What tells strangers: `SIGNS` numbers, see `familiarityOf`. */
  signs: readonly number[];
  /** The source it reads most like. */
  nearest: string;
}

/** How many numbers tell how familiar a request is. */
export const SIGNS = 8;
/** Places of those that are as telling as any, so that their plain sum is: how likely structure is, where the words stand, how much likelier in order. */
export const SUMMED: readonly number[] = [0, 4, 5];

interface Scores {
  /** Of each source, as `styleScore` has it. */
  bySource: Float64Array;
  /** The same where every word stood alone, for all sources together. */
  alone: number;
  /** Shares of the runs of two and of three that the source with the most of them has. */
  pairs: number;
  triples: number;
}

/** Chances are multiplied, and their logarithm taken only now and then: far from where doubles end. */
const SMALL = 1e-250;

/** 1 for a count, 0 for none, without a branch: either comes about as often, so that a processor would guess wrong. */
const oneIfAny = (packed: number): number => (packed + 255) >> 8;

/** Lent to one call after the other: each fills it and is done with it before it returns. */
const lent = emptyRuns();

/**
 * Keys become slots for the whole text before any count is read: the tables are larger than a processor's near memory, and look-ups that
 * do not wait for arithmetic wait for memory together.
 */
const slotsOf = ({ words, runs }: StyleView, view: View, tokens: readonly Token[], hashes: Uint32Array): number => {
  const n = fillRuns(lent, view, tokens, hashes);
  for (let at = 1; at < n; at++) {
    lent.one[at] = slotIn(words, lent.one[at] as number);
    lent.two[at] = slotIn(runs, lent.two[at] as number);
    lent.three[at] = slotIn(runs, lent.three[at] as number);
  }
  return n;
};

const scoresIn = (model: StyleView, view: View, tokens: readonly Token[], hashes: Uint32Array): Scores => {
  const { words, runs, single } = model;
  const width = model.sources.length;
  const n = slotsOf(model, view, tokens, hashes);
  const [bySource, products] = [new Float64Array(width), new Float64Array(width).fill(1)];
  const [pairs, triples] = [new Int32Array(width), new Int32Array(width)];
  let alone = 0;
  let wordBefore = countsAt(words, lent.one[1] as number);
  let pairBefore = countsAt(runs, lent.two[1] as number);
  for (let at = 2; at < n; at++) {
    const word = lent.one[at] as number;
    const two = countsAt(runs, lent.two[at] as number);
    const three = countsAt(runs, lent.three[at] as number);
    alone += model.alone[word] as number;
    for (let i = 0; i < width; i++) {
      const both = runs.bytes[two + i] as number;
      const all = runs.bytes[three + i] as number;
      pairs[i] = (pairs[i] as number) + oneIfAny(both);
      triples[i] = (triples[i] as number) + oneIfAny(all);
      const before = UNPACKED[words.bytes[wordBefore + i] as number] as number;
      const bothBefore = UNPACKED[runs.bytes[pairBefore + i] as number] as number;
      const afterOne = ((UNPACKED[both] as number) + LEAN * (single[word * width + i] as number)) / (before + LEAN);
      const afterTwo = ((UNPACKED[all] as number) + LEAN * afterOne) / (bothBefore + LEAN);
      const product = (products[i] as number) * afterTwo;
      if (product > SMALL) products[i] = product;
      else {
        bySource[i] = (bySource[i] as number) + Math.log2(product);
        products[i] = 1;
      }
    }
    wordBefore = countsAt(words, word);
    pairBefore = two;
  }
  const length = Math.max(1, n - 2);
  return {
    bySource: bySource.map((sum, i) => (sum + Math.log2(products[i] as number)) / length),
    alone: alone / length,
    pairs: Math.max(0, ...pairs) / length,
    triples: Math.max(0, ...triples) / length,
  };
};

/**
 * In each view: how likely the text is under the source that expects it most, how much likelier than the same words without order (Ren et al.
 * 2019), which shares of its runs one source has; and how the words compare with a source's own requests.
 */
export const familiarityOf = ({ words, structure }: StyleModel, tokens: readonly Token[], hashes: Uint32Array): Familiarity => {
  const structured = scoresIn(structure, 'structure', tokens, hashes);
  const worded = scoresIn(words, 'words', tokens, hashes);
  let [standing, nearest] = [-Infinity, ''];
  words.sources.forEach(({ name, mean, deviation }, i) => {
    const place = ((worded.bySource[i] as number) - mean) / deviation;
    if (place > standing) [standing, nearest] = [place, name];
  });
  const likeliest = Math.max(...structured.bySource);
  const signs = [
    likeliest,
    likeliest - structured.alone,
    structured.pairs,
    structured.triples,
    standing,
    Math.max(...worded.bySource) - worded.alone,
    worded.pairs,
    worded.triples,
  ];
  return { signs, nearest };
};
