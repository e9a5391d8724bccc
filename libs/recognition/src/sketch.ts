/** A request's graph of steps as its words suggest it: an opinion, from which pattern and plan are read. */
import type { Clause } from './clauses.js';
import { INSPECTING_VERBS } from './lexicon.js';
import type { Reading } from './reading.js';
import { saysApart } from './ties.js';
import type { Token } from './tokens.js';

/** Why a step has the edges it has; `unsaid`: no word for or against any. */
export type Link = 'first' | 'sequence' | 'reference' | 'join' | 'addition' | 'apart' | 'condition' | 'unsaid';

export interface Part {
  /** What is to be done, in the request's words. */
  text: string;
  link: Link;
}

export interface SketchStep extends Part {
  /** Positions of earlier steps. */
  dependsOn: number[];
}

export interface Sketch {
  parts: Part[];
  /** How to take parts that no word ties together. */
  unsaid: 'chain' | 'independent';
  /** The number of steps is said (given, numbered, or one clause each), not guessed. */
  counted: boolean;
  reasons: string[];
}

/** Text of tokens `from`..`to` as it stands in the request. */
export const textOf = (text: string, tokens: readonly Token[], from: number, to: number): string =>
  from >= to ? '' : text.slice((tokens[from] as Token).start, (tokens[to - 1] as Token).end).trim();

const linkOf = ({ ties }: Clause, first: boolean): Link => {
  if (first) return 'first';
  if (ties.join) return 'join';
  if (ties.apart) return ties.sequence ? 'sequence' : 'apart'; // "then, in parallel, …" begins a stage
  if (ties.refers) return 'reference';
  if (ties.sequence) return 'sequence';
  if (ties.condition) return 'condition';
  return ties.addition ? 'addition' : 'unsaid';
};

/** Steps that nothing waits for yet. */
const leavesOf = (steps: readonly SketchStep[]): number[] => {
  const awaited = new Set(steps.flatMap((step) => step.dependsOn));
  return steps.flatMap((_, position) => (awaited.has(position) ? [] : [position]));
};

const dependenciesFor = (link: Link, steps: readonly SketchStep[], unsaid: 'chain' | 'independent'): number[] => {
  const last = steps.length - 1;
  if (link === 'first') return [];
  if (link === 'join') return leavesOf(steps);
  if (link === 'sequence' || link === 'reference' || link === 'condition') return steps[last]?.link === 'apart' ? leavesOf(steps) : [last];
  if (link === 'unsaid' && unsaid === 'chain') return [last];
  return [...(steps[last] as SketchStep).dependsOn];
};

/** Gives each part its edges. `unsaid`: what to think of parts that no word ties together. */
export const connect = (parts: readonly Part[], unsaid: 'chain' | 'independent'): SketchStep[] => {
  const steps: SketchStep[] = [];
  for (const part of parts) steps.push({ ...part, dependsOn: dependenciesFor(part.link, steps, unsaid) });
  return steps;
};

/** "Search the news, the archive and the web in parallel": one ask that is a fan of its own. */
const fanOut = ({ input, tokens }: Reading, clause: Clause): string[] => {
  if (!clause.ties.apart || clause.verb === null) return [];
  let at = clause.from;
  while (at < clause.to && !saysApart(tokens, at)) at++;
  const end = tokens[at - 1]?.text === 'in' ? at - 1 : at;
  const separators: number[] = [];
  for (let i = clause.from; i < end; i++) if (tokens[i]?.kind === 'comma' || tokens[i]?.text === 'and') separators.push(i);
  if (separators.length === 0) return [];
  const parts: string[] = [];
  let from = clause.from;
  for (const to of [...separators, end]) {
    if (to > from) parts.push(textOf(input.text, tokens, from, to));
    from = to + 1;
  }
  const rest = textOf(input.text, tokens, at + 1, clause.to).replace(/,$/u, '');
  return parts.length > 1 ? parts.map((part, i) => `${i === 0 ? part : `${clause.verb} ${part}`} ${rest}`.trim()) : [];
};

/** Sentences that say of all their asks that they go apart: "in parallel, check … and count …", "check … and count … separately". */
const sentencesApart = ({ asks, tokens }: Reading): Set<number> => {
  const apart = new Set<number>();
  const says = (from: number, to: number): boolean => {
    for (let at = Math.max(0, from); at < to; at++) if (saysApart(tokens, at)) return true;
    return false;
  };
  asks.forEach((clause, i) => {
    if (asks[i - 1]?.sentence !== clause.sentence && says(clause.from, clause.from + 3)) apart.add(clause.sentence);
    if (asks[i + 1]?.sentence !== clause.sentence && says(clause.to - 3, clause.to) && clause.to - clause.from > 4)
      apart.add(clause.sentence);
  });
  return apart;
};

const partsOf = (reading: Reading): Part[] => {
  const apart = sentencesApart(reading);
  return reading.asks.flatMap((clause, i): Part[] => {
    const said = linkOf(clause, i === 0);
    const closesAfterJoin = clause.ties.closing && reading.asks[i - 1]?.ties.join === true;
    const isApart =
      said === 'unsaid' && apart.has(clause.sentence) && reading.asks[i - 1]?.sentence === clause.sentence && !closesAfterJoin;
    const link = isApart ? 'apart' : said;
    const fan = fanOut(reading, clause);
    if (fan.length === 0)
      return [{ text: textOf(reading.input.text, reading.tokens, clause.from, clause.to), link: i === 0 ? 'first' : link }];
    return fan.map((text, branch) => ({ text, link: i === 0 && branch === 0 ? 'first' : branch === 0 ? link : 'apart' }));
  });
};

const CUES: Readonly<Record<Link, string>> = {
  first: 'begins',
  sequence: 'comes after the one before ("then", "after that")',
  reference: 'takes up what the one before gives',
  join: 'brings several results together',
  addition: 'is asked for in addition',
  apart: 'is asked for apart from the others',
  condition: 'depends on how the one before turns out',
  unsaid: 'is tied to the others by no word',
};

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text);

/** Several asks in one sentence that each only look at something of its own: "check the spelling, count the words". */
export const inspectsOnly = ({ asks, tokens }: Reading): boolean =>
  asks.length > 1 &&
  new Set(asks.map(({ verb }) => verb)).size === asks.length &&
  asks.every(
    ({ verb, ties, bare, sentence }) =>
      verb !== null &&
      INSPECTING_VERBS.has(verb) &&
      !bare &&
      sentence === asks[0]?.sentence &&
      !ties.refers &&
      !ties.sequence &&
      !ties.closing &&
      !ties.echoes,
  ) &&
  !tokens.some(({ text }) => text === 'its' || text === 'their');

/**
 * Asks in sentences of their own, none taking up another, are taken as independent, and so are mere inspections; other asks within one
 * sentence are taken as a chain.
 */
const unsaidOf = (reading: Reading): Sketch['unsaid'] => {
  const { asks } = reading;
  const sentences = new Set(asks.map((clause) => clause.sentence)).size;
  const apart = asks.length > 1 && sentences === asks.length && asks.slice(1).every(({ ties }) => !ties.refers);
  return apart || inspectsOnly(reading) ? 'independent' : 'chain';
};

const listedParts = (texts: readonly string[]): Part[] => texts.map((text, i) => ({ text, link: i === 0 ? 'first' : 'unsaid' }));

/** The parts of a request and how its words tie them. At least one part, whatever the text. */
export const sketchOf = (reading: Reading): Sketch => {
  const { input, form, items, tokens } = reading;
  if (form === 'given')
    return {
      parts: listedParts(input.givenSteps ?? []),
      unsaid: 'chain',
      counted: true,
      reasons: [`${input.givenSteps?.length} steps came with the request`],
    };
  if (form === 'listed')
    return {
      parts: listedParts(items.map(({ from, to }) => textOf(input.text, tokens, from, to))),
      unsaid: 'chain',
      counted: true,
      reasons: [`the text lists ${items.length} items`],
    };
  const parts = partsOf(reading);
  if (parts.length === 0)
    return {
      parts: [{ text: input.text.trim(), link: 'first' }],
      unsaid: 'chain',
      counted: false,
      reasons: ['no request could be made out: taken as one'],
    };
  return {
    parts,
    unsaid: unsaidOf(reading),
    counted: form === 'asked',
    reasons: parts.map(({ text, link }) => `"${shortened(text)}" ${CUES[link]}`),
  };
};
