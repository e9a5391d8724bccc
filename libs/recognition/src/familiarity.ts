/** How familiar a request reads: the numbers that tell strangers from requests like those trained on. */
import { countsAt, slotIn, UNPACKED } from './counts.js';
import { emptyRuns, fillRuns, LEAN, WORD_LEAN, type StyleModel, type StyleView, type View } from './style.js';
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

/** Where a text's runs are counted: places in `bytes`, and of the words also their slots. */
interface Places {
  slot: Int32Array;
  one: Int32Array;
  two: Int32Array;
  three: Int32Array;
}

/** Lent to one call after the other: each fills it and is done with it before it returns. */
const lentRuns = emptyRuns();
const roomFor = (): Int32Array => new Int32Array(lentRuns.one.length);
const lent: Places = { slot: roomFor(), one: roomFor(), two: roomFor(), three: roomFor() };

/**
 * Finds all places of a text before any count is read, and returns how many words it has with its edges: the tables are larger than a
 * processor's near memory, and look-ups that do not wait for arithmetic wait for memory together.
 */
const findPlaces = ({ words, runs }: StyleView, view: View, tokens: readonly Token[], hashes: Uint32Array): number => {
  const n = fillRuns(lentRuns, view, tokens, hashes);
  for (let at = 1; at < n; at++) {
    const slot = slotIn(words, lentRuns.one[at] as number);
    lent.slot[at] = slot;
    lent.one[at] = countsAt(words, slot);
    lent.two[at] = countsAt(runs, slotIn(runs, lentRuns.two[at] as number));
    lent.three[at] = countsAt(runs, slotIn(runs, lentRuns.three[at] as number));
  }
  return n;
};

/** Sum of the log2-likelihoods of `n` words at `lent` in one source, and how many of their runs it has. */
const scoreIn = ({ words, runs, alone, leaned }: StyleView, source: number, n: number): { sum: number; pairs: number; triples: number } => {
  const size = leaned[source] as number;
  const { slot, one, two, three } = lent;
  const [wordCounts, runCounts] = [words.bytes, runs.bytes];
  let sum = 0;
  let product = 1;
  let pairs = 0;
  let triples = 0;
  let before = UNPACKED[wordCounts[(one[1] as number) + source] as number] as number;
  let pairBefore = UNPACKED[runCounts[(two[1] as number) + source] as number] as number;
  for (let at = 2; at < n; at++) {
    const packedPair = runCounts[(two[at] as number) + source] as number;
    const packedTriple = runCounts[(three[at] as number) + source] as number;
    pairs += oneIfAny(packedPair);
    triples += oneIfAny(packedTriple);
    const pair = UNPACKED[packedPair] as number;
    const word = UNPACKED[wordCounts[(one[at] as number) + source] as number] as number;
    const single = (word + WORD_LEAN * (alone[2 * (slot[at] as number)] as number)) / size;
    const afterOne = (pair + LEAN * single) / (before + LEAN);
    const afterTwo = ((UNPACKED[packedTriple] as number) + LEAN * afterOne) / (pairBefore + LEAN);
    product *= afterTwo;
    if (product <= SMALL) {
      sum += Math.log2(product);
      product = 1;
    }
    before = word;
    pairBefore = pair;
  }
  return { sum: sum + Math.log2(product), pairs, triples };
};

const scoresIn = (model: StyleView, view: View, tokens: readonly Token[], hashes: Uint32Array): Scores => {
  const n = findPlaces(model, view, tokens, hashes);
  const length = Math.max(1, n - 2);
  const bySource = new Float64Array(model.sources.length);
  let [alone, pairs, triples] = [0, 0, 0];
  for (let at = 2; at < n; at++) alone += model.alone[2 * (lent.slot[at] as number) + 1] as number;
  for (let source = 0; source < bySource.length; source++) {
    const score = scoreIn(model, source, n);
    bySource[source] = score.sum / length;
    pairs = Math.max(pairs, score.pairs);
    triples = Math.max(triples, score.triples);
  }
  return { bySource, alone: alone / length, pairs: pairs / length, triples: triples / length };
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
