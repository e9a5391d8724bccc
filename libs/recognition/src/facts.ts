/** What is counted once about a request and looked at by many measures. */
import type { Pattern } from '@mandate/contracts';
import type { Clause } from './clauses.js';
import { stepFacts, toolFacts, type StepFacts, type ToolFacts } from './given.js';
import { patternOfOrdered } from './graph.js';
import { is, role, type Role } from './known.js';
import { INSPECTING_VERBS } from './lexicon.js';
import type { Reading } from './reading.js';
import { connect, type Link, type Part, type Sketch } from './sketch.js';
import { TIES, type Ties } from './ties.js';
import type { Token, TokenKind } from './tokens.js';

export interface Facts {
  reading: Reading;
  sketch: Sketch;
  /** The pattern of the words' graph: parts that no word ties taken as a chain, as independent, and as the sketch takes them. */
  opinions: { chain: Pattern; independent: Pattern; taken: Pattern };
  /** Those of `MARKERS` that stand in the text. */
  says: ReadonlySet<Marker>;
  kinds: Readonly<Record<TokenKind, number>>;
  capitals: number;
  links: ReadonlyMap<Link, number>;
  /** Of the asks behind the first. */
  ties: Readonly<Record<keyof Ties, number>>;
  asked: AskFacts;
  sentences: number;
  /** Sentences that hold at least one ask. */
  askingSentences: number;
  verbs: { base: number; gerund: number; past: number; distinct: number; inspecting: number };
  steps: StepFacts;
  tools: ToolFacts;
  values: { and: number; comma: number; or: number };
}

/** What is counted of the asks. */
export interface AskFacts {
  bare: number;
  wishes: number;
  questions: number;
  /** Deeds named in passing, together. */
  hidden: number;
  /** Behind the first, that refer to or follow what stands before. */
  tied: number;
  /** With a number, a quotation or a name of their own. */
  valued: number;
  /** Different verbs; no verb counts as one. */
  verbs: number;
}

/** Words that opinions look for. */
const MARKERS = [
  'after',
  'and',
  'between',
  'both',
  'by',
  'common',
  'compared',
  'difference',
  'each',
  'fewer',
  'how',
  'less',
  'many',
  'more',
  'much',
  'or',
  'respectively',
  'same',
  'than',
  'years',
] as const;
export type Marker = (typeof MARKERS)[number];
const MARKING: Role = role(MARKERS);

const tally = <K>(keys: Iterable<K>): Map<K, number> => {
  const counts = new Map<K, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

const saysOf = (tokens: readonly Token[]): Set<Marker> => {
  const says = new Set<Marker>();
  for (const token of tokens) if (is(token, MARKING)) says.add(token.text as Marker);
  return says;
};

const kindsOf = (tokens: readonly Token[]): Record<TokenKind, number> => {
  const kinds = { word: 0, number: 0, quote: 0, name: 0, comma: 0, colon: 0, stop: 0, question: 0, break: 0, bracket: 0, item: 0 };
  for (const { kind } of tokens) kinds[kind]++;
  return kinds;
};

const isMatter = ({ kind }: Token): boolean => kind === 'number' || kind === 'quote' || kind === 'name';

const askFacts = ({ asks, tokens }: Reading): AskFacts => {
  const facts: AskFacts = { bare: 0, wishes: 0, questions: 0, hidden: 0, tied: 0, valued: 0, verbs: asks.length };
  asks.forEach(({ bare, kind, hidden, ties, from, to }, i) => {
    if (bare) facts.bare++;
    if (kind === 'wish') facts.wishes++;
    if (kind === 'question') facts.questions++;
    facts.hidden += hidden;
    if (i > 0 && (ties.refers || ties.sequence)) facts.tied++;
    for (let at = from; at < to; at++) {
      if (!isMatter(tokens[at] as Token)) continue;
      facts.valued++;
      break;
    }
  });
  if (asks.length > 1) facts.verbs = new Set(asks.map(({ verb }) => verb ?? '')).size;
  return facts;
};

const tiesOf = ({ asks }: Reading): Facts['ties'] => {
  const counts = { sequence: 0, closing: 0, addition: 0, apart: 0, join: 0, refers: 0, echoes: 0, condition: 0 };
  for (let i = 1; i < asks.length; i++) {
    const { ties } = asks[i] as Clause;
    for (const tie of TIES) if (ties[tie]) counts[tie]++;
  }
  return counts;
};

const countOf = (tokens: readonly Token[], holds: (token: Token, at: number) => boolean): number => {
  let count = 0;
  for (let at = 0; at < tokens.length; at++) if (holds(tokens[at] as Token, at)) count++;
  return count;
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
  for (const { known } of tokens) {
    const { verb } = known;
    if (!verb) continue;
    bases.add(verb.base);
    if (verb.form === 'past' || verb.form === 'gerund' || verb.form === 'base') facts[verb.form]++;
    if (verb.form === 'base' && INSPECTING_VERBS.has(verb.base)) facts.inspecting++;
  }
  facts.distinct = bases.size;
  return facts;
};

const patternWith = (parts: readonly Part[], unsaid: Sketch['unsaid']): Pattern =>
  patternOfOrdered(connect(parts, unsaid).map(({ dependsOn }) => dependsOn));

const opinionsOn = ({ parts, unsaid }: Sketch): Facts['opinions'] => {
  if (parts.length === 1) return { chain: 'direct', independent: 'direct', taken: 'direct' };
  const chain = patternWith(parts, 'chain');
  const independent = parts.some(({ link }) => link === 'unsaid') ? patternWith(parts, 'independent') : chain;
  return { chain, independent, taken: unsaid === 'chain' ? chain : independent };
};

export const factsOf = (reading: Reading, sketch: Sketch): Facts => {
  const { tokens, asks, input } = reading;
  return {
    reading,
    sketch,
    opinions: opinionsOn(sketch),
    says: saysOf(tokens),
    kinds: kindsOf(tokens),
    capitals: countOf(tokens, ({ capital }) => capital),
    links: tally(sketch.parts.map(({ link }) => link)),
    ties: tiesOf(reading),
    asked: askFacts(reading),
    sentences: countOf(tokens, ({ kind }, at) => kind === 'stop' || kind === 'question' || at + 1 === tokens.length),
    askingSentences: new Set(asks.map(({ sentence }) => sentence)).size,
    verbs: verbFacts(tokens),
    steps: stepFacts(input.givenSteps ?? []),
    tools: toolFacts(input.tools ?? [], tokens),
    values: valuePairs(tokens),
  };
};
