/** What is counted once about a request and looked at by many measures. */
import type { Pattern } from '@mandate/contracts';
import { patternOf } from './graph.js';
import { INSPECTING_VERBS, verbOf } from './lexicon.js';
import type { Reading } from './reading.js';
import { connect, type Link, type Part, type Sketch } from './sketch.js';
import type { Ties } from './ties.js';
import type { Token } from './tokens.js';

export interface Facts {
  reading: Reading;
  sketch: Sketch;
  /** The pattern of the words' graph: parts that no word ties taken as a chain, as independent, and as the sketch takes them. */
  opinions: { chain: Pattern; independent: Pattern; taken: Pattern };
  words: ReadonlyMap<string, number>;
  kinds: ReadonlyMap<string, number>;
  links: ReadonlyMap<Link, number>;
  /** Of the asks behind the first. */
  ties: Readonly<Record<keyof Ties, number>>;
  sentences: number;
  /** Sentences that hold at least one ask. */
  askingSentences: number;
  verbs: { base: number; gerund: number; past: number; distinct: number; inspecting: number };
  steps: StepFacts;
  tools: ToolFacts;
  values: { and: number; comma: number; or: number };
}

export interface StepFacts {
  count: number;
  /** Shares of the steps but the first that have a content word of the step before, of any earlier step. */
  adjacent: number;
  any: number;
  /** Shares of all steps. */
  capital: number;
  stopped: number;
  pronouns: number;
  verbs: number;
  /** Different first words by steps. */
  openings: number;
  words: number;
}

export interface ToolFacts {
  count: number;
  /** Tools of whose name some, at least half, every word stands in the text. */
  touched: number;
  half: number;
  whole: number;
}

const tally = <K>(keys: Iterable<K>): Map<K, number> => {
  const counts = new Map<K, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

const wordsOf = (tokens: readonly Token[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { kind, text } of tokens) if (kind === 'word') counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
};

const root = (word: string): string => word.slice(0, 5);

const stepFacts = (steps: readonly string[]): StepFacts => {
  const count = steps.length;
  const none = { count, adjacent: 0, any: 0, capital: 0, stopped: 0, pronouns: 0, verbs: 0, openings: 0, words: 0 };
  if (count === 0) return none;
  const words = steps.map((step) => step.toLowerCase().match(/[\p{L}’']+/gu) ?? []);
  const roots = words.map((list) => new Set(list.filter((word) => word.length > 3).map(root)));
  const earlier = new Set<string>();
  let adjacent = 0;
  let any = 0;
  roots.forEach((set, i) => {
    const before = roots[i - 1];
    if (before && [...set].some((word) => before.has(word))) adjacent++;
    if ([...set].some((word) => earlier.has(word))) any++;
    for (const word of set) earlier.add(word);
  });
  const share = (holds: (i: number) => boolean): number => steps.filter((_, i) => holds(i)).length / count;
  return {
    count,
    adjacent: adjacent / Math.max(1, count - 1),
    any: any / Math.max(1, count - 1),
    capital: share((i) => /^\s*\p{Lu}/u.test(steps[i] as string)),
    stopped: share((i) => /[.!]\s*$/u.test(steps[i] as string)),
    pronouns: share((i) => (words[i] as string[]).some((word) => word === 'it' || word === 'them')),
    verbs: share((i) => verbOf(words[i]?.[0] ?? '') !== undefined),
    openings: new Set(words.map((list) => list[0])).size / count,
    words: words.reduce((sum, list) => sum + list.length, 0) / count,
  };
};

const NAME_PARTS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/gu;

const toolFacts = (tools: readonly string[], words: ReadonlyMap<string, number>): ToolFacts => {
  const facts = { count: tools.length, touched: 0, half: 0, whole: 0 };
  if (tools.length === 0) return facts;
  const roots = new Set([...words.keys()].map(root));
  for (const tool of tools) {
    const parts = (tool.match(NAME_PARTS) ?? []).map((part) => part.toLowerCase()).filter((part) => part.length > 2);
    const found = parts.filter((part) => roots.has(root(part))).length;
    if (found > 0) facts.touched++;
    if (found * 2 >= parts.length && found > 0) facts.half++;
    if (found === parts.length && found > 0) facts.whole++;
  }
  return facts;
};

const isValue = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === 'quote' ||
    token.kind === 'number' ||
    token.kind === 'name' ||
    (token.kind === 'word' && token.capital && token.text !== 'i'));

/** "5 and 7", "Rome, Paris": values side by side. */
const valuePairs = (tokens: readonly Token[]): Facts['values'] => {
  const pairs = { and: 0, comma: 0, or: 0 };
  for (let at = 1; at + 1 < tokens.length; at++) {
    const token = tokens[at] as Token;
    const between = token.kind === 'comma' ? 'comma' : token.text === 'and' || token.text === 'or' ? token.text : null;
    if (between && isValue(tokens[at - 1]) && isValue(tokens[at + 1])) pairs[between]++;
  }
  return pairs;
};

const verbFacts = (tokens: readonly Token[]): Facts['verbs'] => {
  const facts = { base: 0, gerund: 0, past: 0, distinct: 0, inspecting: 0 };
  const bases = new Set<string>();
  for (const { kind, text } of tokens) {
    const verb = kind === 'word' ? verbOf(text) : undefined;
    if (!verb) continue;
    bases.add(verb.base);
    if (verb.form === 'past' || verb.form === 'gerund' || verb.form === 'base') facts[verb.form]++;
    if (verb.form === 'base' && INSPECTING_VERBS.has(verb.base)) facts.inspecting++;
  }
  facts.distinct = bases.size;
  return facts;
};

const patternWith = (parts: readonly Part[], unsaid: Sketch['unsaid']): Pattern =>
  patternOf(connect(parts, unsaid).map(({ dependsOn }, i) => ({ id: String(i), dependsOn: dependsOn.map(String) })));

const opinionsOn = ({ parts, unsaid }: Sketch): Facts['opinions'] => {
  if (parts.length === 1) return { chain: 'direct', independent: 'direct', taken: 'direct' };
  const chain = patternWith(parts, 'chain');
  const independent = parts.some(({ link }) => link === 'unsaid') ? patternWith(parts, 'independent') : chain;
  return { chain, independent, taken: unsaid === 'chain' ? chain : independent };
};

export const factsOf = (reading: Reading, sketch: Sketch): Facts => {
  const { tokens, asks, input } = reading;
  const rest = asks.slice(1);
  const having = (tie: keyof Ties): number => rest.filter(({ ties }) => ties[tie]).length;
  const words = wordsOf(tokens);
  return {
    reading,
    sketch,
    opinions: opinionsOn(sketch),
    words,
    kinds: tally(tokens.map(({ kind }) => kind)),
    links: tally(sketch.parts.map(({ link }) => link)),
    ties: {
      sequence: having('sequence'),
      closing: having('closing'),
      addition: having('addition'),
      apart: having('apart'),
      join: having('join'),
      refers: having('refers'),
      echoes: having('echoes'),
      condition: having('condition'),
    },
    sentences: tokens.reduce(
      (count, { kind }, at) => count + (kind === 'stop' || kind === 'question' || at + 1 === tokens.length ? 1 : 0),
      0,
    ),
    askingSentences: new Set(asks.map(({ sentence }) => sentence)).size,
    verbs: verbFacts(tokens),
    steps: stepFacts(input.givenSteps ?? []),
    tools: toolFacts(input.tools ?? [], words),
    values: valuePairs(tokens),
  };
};
