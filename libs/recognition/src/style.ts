/**
 * The way of writing: models of word runs, one for each source trained on. A request that none of them expects comes from somewhere else,
 * and what was learned from those sources counts for less there (`familiarity.ts`).
 */
import { countIn, countsAt, joined, UNPACKED, type Counts, type Joined } from './counts.js';
import { hashText } from './features.js';
import { carriesStructure } from './lexicon.js';
import type { Token } from './tokens.js';

/** Pseudo-counts with which a run leans on the shorter one, and a source's words on all sources' (Dirichlet priors). */
export const LEAN = 2;
export const WORD_LEAN = 3_000;
/** For words that no source has: a half each, of as many as there might be. */
const UNSEEN = 0.5;
const UNSEEN_WORDS = 50_000;

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
  /** By slot of `words`: the chance of a word that stands there, over all sources, and its log2 behind it. */
  alone: Float64Array;
  /** Of each source: number of tokens with what it leans on. */
  leaned: Float64Array;
}

/** The tables are joined, and what depends on one word only is worked out, once for all requests. */
export const styleView = (sources: readonly StyleSource[]): StyleView => {
  const words = joined(sources.map((source) => source.words));
  const total = sources.reduce((sum, { size }) => sum + size, UNSEEN_WORDS);
  const slots = words.slots.length / words.stride;
  const alone = new Float64Array(2 * slots);
  for (let slot = 0; slot < slots; slot++) {
    let count = UNSEEN;
    for (let i = 0; i < sources.length; i++) count += UNPACKED[words.bytes[countsAt(words, slot) + i] as number] as number;
    alone[2 * slot] = count / total;
    alone[2 * slot + 1] = Math.log2(count / total);
  }
  return {
    sources,
    words,
    runs: joined(sources.map(({ runs }) => runs)),
    alone,
    leaned: Float64Array.from(sources, ({ size }) => size + WORD_LEAN),
  };
};

export type StyleModel = Readonly<Record<View, StyleView>>;

const finished = (hash: number): number => {
  const h = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
};
const fnv = (text: string): number => finished(hashText(text));

const EDGE = fnv('^');
const END = fnv('$');
const ANY_WORD = fnv('~');

/** `hash`: of the token, as `hashTokens` has it. */
const keyIn = (view: View, { kind, known }: Token, hash: number): number =>
  view === 'words' || kind !== 'word' || carriesStructure(known) ? finished(hash) : ANY_WORD;

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
const PADDED = READ + 3;

/** Room for the runs of any text. */
export const emptyRuns = (): Runs => ({ one: new Uint32Array(PADDED), two: new Uint32Array(PADDED), three: new Uint32Array(PADDED) });

/** Writes a text's runs to the beginning of `runs`; returns to where. */
export const fillRuns = (runs: Runs, view: View, tokens: readonly Token[], hashes: Uint32Array): number => {
  const n = Math.min(PADDED, tokens.length + 3);
  for (let at = 0; at < n; at++) {
    runs.one[at] = at < 2 ? EDGE : at === n - 1 ? END : keyIn(view, tokens[at - 2] as Token, hashes[at - 2] as number);
    if (at > 0) runs.two[at] = pair(runs.one[at - 1] as number, runs.one[at] as number);
    if (at > 1) runs.three[at] = pair(runs.two[at - 1] as number, runs.one[at] as number);
  }
  return n;
};

export const styleRuns = (view: View, tokens: readonly Token[], hashes: Uint32Array): Runs => {
  const runs = emptyRuns();
  const n = fillRuns(runs, view, tokens, hashes);
  return { one: runs.one.slice(0, n), two: runs.two.slice(0, n), three: runs.three.slice(0, n) };
};

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
