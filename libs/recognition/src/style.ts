/**
 * How familiar the way of writing is: models of word runs, one for each source trained on. A request that none of them expects comes from
 * somewhere else, and what was learned from those sources counts for less there.
 */
import { countIn, countsOf, joined, type Counts, type Joined } from './counts.js';
import { hashText } from './features.js';
import { isFunctionWord, verbOf } from './lexicon.js';
import type { Token } from './tokens.js';

export interface StyleSource {
  name: string;
  /** Number of tokens. */
  size: number;
  /** How often each word, and each run of two or three, stands in it. */
  words: Counts;
  runs: Counts;
  /** Mean and standard deviation of the likelihood of this source's own requests, held out. */
  mean: number;
  deviation: number;
}

/** One way to look at words: all of them, or only those that carry structure, every other being just a word. */
export const VIEWS = ['words', 'structure'] as const;
export type View = (typeof VIEWS)[number];

export interface StyleView {
  sources: readonly StyleSource[];
  /** The sources' tables, joined. */
  words: Joined;
  runs: Joined;
  /** Of each source and of all together: number of tokens with what it leans on. */
  leaned: Float64Array;
  total: number;
}

export const styleView = (sources: readonly StyleSource[]): StyleView => ({
  sources,
  words: joined(sources.map(({ words }) => words)),
  runs: joined(sources.map(({ runs }) => runs)),
  leaned: Float64Array.from(sources, ({ size }) => size + WORD_LEAN),
  total: sources.reduce((sum, { size }) => sum + size, UNSEEN_WORDS),
});

export type StyleModel = Readonly<Record<View, StyleView>>;

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

const finished = (hash: number): number => {
  const h = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
};
const fnv = (text: string): number => finished(hashText(text));

const EDGE = fnv('^');
const END = fnv('$');
const ANY_WORD = fnv('~');

/** `hash`: of the token, as `hashTokens` has it. */
const keyIn = (view: View, { kind, text }: Token, hash: number): number =>
  kind !== 'word' || view === 'words' || isFunctionWord(text) || verbOf(text) ? finished(hash) : ANY_WORD;

/** Keys of each place's word, and of the pair and triple that end there. */
export interface Runs {
  one: Uint32Array;
  two: Uint32Array;
  three: Uint32Array;
}

const pair = (a: number, b: number): number => {
  const h = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
  return (h ^ (h >>> 15)) >>> 0;
};

/** Texts are alike from beginning to end: beyond this many tokens no more is read. */
const READ = 96;

/** Two edges before the text and one behind it are words too. */
export const styleRuns = (view: View, tokens: readonly Token[], hashes: Uint32Array): Runs => {
  const n = Math.min(READ, tokens.length) + 3;
  const runs: Runs = { one: new Uint32Array(n), two: new Uint32Array(n), three: new Uint32Array(n) };
  for (let at = 0; at < n; at++) {
    runs.one[at] = at < 2 ? EDGE : at === n - 1 ? END : keyIn(view, tokens[at - 2] as Token, hashes[at - 2] as number);
    if (at > 0) runs.two[at] = pair(runs.one[at - 1] as number, runs.one[at] as number);
    if (at > 1) runs.three[at] = pair(runs.two[at - 1] as number, runs.one[at] as number);
  }
  return runs;
};

/** Pseudo-counts with which a run leans on the shorter one, and a source's words on all sources' (Dirichlet priors). */
const LEAN = 2;
const WORD_LEAN = 3_000;
/** For words that no source has: a half each, of as many as there might be. */
const UNSEEN = 0.5;
const UNSEEN_WORDS = 50_000;

/** Chances of a text's words each by itself, over all sources: what a source that lacks a word leans on. */
export const backgroundOf = (sources: readonly Pick<StyleSource, 'words' | 'size'>[], { one }: Runs): Float64Array => {
  const size = sources.reduce((sum, source) => sum + source.size, 0);
  return Float64Array.from(one, (word) => {
    let count = 0;
    for (const { words } of sources) count += countIn(words, word);
    return (count + UNSEEN) / (size + UNSEEN_WORDS);
  });
};

type Counted = Pick<StyleSource, 'words' | 'runs' | 'size'>;

/** Mean log2-likelihood of a word. */
export const styleScore = ({ words, runs, size }: Counted, background: Float64Array, { one, two, three }: Runs): number => {
  let sum = 0;
  let wordBefore = countIn(words, one[1] as number);
  let pairBefore = countIn(runs, two[1] as number);
  for (let at = 2; at < one.length; at++) {
    const word = countIn(words, one[at] as number);
    const both = countIn(runs, two[at] as number);
    const alone = (word + WORD_LEAN * (background[at] as number)) / (size + WORD_LEAN);
    const afterOne = (both + LEAN * alone) / (wordBefore + LEAN);
    sum += Math.log2((countIn(runs, three[at] as number) + LEAN * afterOne) / (pairBefore + LEAN));
    wordBefore = word;
    pairBefore = both;
  }
  return sum / Math.max(1, one.length - 2);
};

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

const scoresIn = ({ words, runs, leaned, total }: StyleView, { one, two, three }: Runs): Scores => {
  const width = leaned.length;
  const bySource = new Float64Array(width);
  const products = new Float64Array(width).fill(1);
  let alone = 0;
  // Counts by source, of this place and of the one before it.
  let [word, before] = [new Float64Array(width), new Float64Array(width)];
  let [both, pairBefore] = [new Float64Array(width), new Float64Array(width)];
  const all = new Float64Array(width);
  const [pairs, triples] = [new Float64Array(width), new Float64Array(width)];
  countsOf(words, one[1] as number, before);
  countsOf(runs, two[1] as number, pairBefore);
  for (let at = 2; at < one.length; at++) {
    countsOf(words, one[at] as number, word);
    let count = UNSEEN;
    for (let i = 0; i < width; i++) count += word[i] as number;
    const background = count / total;
    countsOf(runs, two[at] as number, both);
    countsOf(runs, three[at] as number, all);
    alone += Math.log2(background);
    for (let i = 0; i < width; i++) {
      const single = ((word[i] as number) + WORD_LEAN * background) / (leaned[i] as number);
      const afterOne = ((both[i] as number) + LEAN * single) / ((before[i] as number) + LEAN);
      const afterTwo = ((all[i] as number) + LEAN * afterOne) / ((pairBefore[i] as number) + LEAN);
      if ((both[i] as number) > 0) pairs[i] = (pairs[i] as number) + 1;
      if ((all[i] as number) > 0) triples[i] = (triples[i] as number) + 1;
      const product = (products[i] as number) * afterTwo;
      if (product > SMALL) products[i] = product;
      else {
        bySource[i] = (bySource[i] as number) + Math.log2(product);
        products[i] = 1;
      }
    }
    [word, before] = [before, word];
    [both, pairBefore] = [pairBefore, both];
  }
  const length = Math.max(1, one.length - 2);
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
  const structured = scoresIn(structure, styleRuns('structure', tokens, hashes));
  const worded = scoresIn(words, styleRuns('words', tokens, hashes));
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
