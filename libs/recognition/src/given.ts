/** What came with a request beside its text: steps and tools. */
import { verbOf } from './lexicon.js';
import type { Token } from './tokens.js';

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

const root = (word: string): string => word.slice(0, 5);

export const stepFacts = (steps: readonly string[]): StepFacts => {
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

export const toolFacts = (tools: readonly string[], tokens: readonly Token[]): ToolFacts => {
  const facts = { count: tools.length, touched: 0, half: 0, whole: 0 };
  if (tools.length === 0) return facts;
  const roots = new Set(tokens.filter(({ kind }) => kind === 'word').map(({ text }) => root(text)));
  for (const tool of tools) {
    const parts = (tool.match(NAME_PARTS) ?? []).map((part) => part.toLowerCase()).filter((part) => part.length > 2);
    const found = parts.filter((part) => roots.has(root(part))).length;
    if (found > 0) facts.touched++;
    if (found * 2 >= parts.length && found > 0) facts.half++;
    if (found === parts.length && found > 0) facts.whole++;
  }
  return facts;
};
