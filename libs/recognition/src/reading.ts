/** What a request says about its own structure, counted once for recognition and planning. */
import { clausesOf, type Clause } from './clauses.js';
import { is, role, type Role } from './known.js';
import { COMPARISON_WORDS, RELATIVE_WORDS, SUPERLATIVES } from './lexicon.js';
import { tokenise, type Token } from './tokens.js';

export interface RecognitionInput {
  text: string;
  /** Names of the tools that came with the request. */
  tools?: readonly string[];
  /** Texts of steps that came with the request, also standing in `text`. */
  givenSteps?: readonly string[];
}

export type Form = 'given' | 'listed' | 'asked' | 'question' | 'unclear';

export interface Reading {
  input: RecognitionInput;
  tokens: Token[];
  form: Form;
  /** Clauses that ask for something, restatements and preambles left out; at most `MOST_ASKS`. */
  asks: Clause[];
  /** Numbered or dashed items, as ranges of tokens. */
  items: { from: number; to: number }[];
  /** The longest list of values ("for 'A', 'B' and 'C'") in one ask; 1 without a list. */
  values: number;
  /** Comparing words, superlatives, relative pronouns, genitive "of"s and "or"s in the whole text. */
  nesting: { comparison: number; superlative: number; relative: number; of: number; or: number; and: number };
}

const itemsOf = (tokens: readonly Token[]): { from: number; to: number }[] => {
  const starts = tokens.flatMap((token, at) => (token.kind === 'item' ? [at + 1] : []));
  return starts
    .map((from, i) => ({ from, to: i + 1 < starts.length ? (starts[i + 1] as number) - 1 : tokens.length }))
    .filter(({ from, to }) => to > from);
};

/**
 * Leaves out what asks nothing new: a wish or preamble before the request proper ("I need information for my research. Please find …"),
 * and a closing restatement of the one before ("Can you find this for me?").
 */
const distinctAsks = (clauses: readonly Clause[]): Clause[] => {
  const asking = clauses.filter((clause) => clause.kind !== 'statement');
  const proper = asking.filter((clause, i) => {
    const next = asking[i + 1];
    const restated =
      next !== undefined && next.sentence > clause.sentence && !next.ties.addition && !next.ties.sequence && !next.ties.closing;
    return !(clause.kind === 'wish' && i === 0 && restated);
  });
  return proper.filter((clause, i) => i === 0 || !isRestatement(clause, proper[i - 1] as Clause));
};

const RESTATING: ReadonlySet<string> = new Set([
  'find',
  'help',
  'do',
  'provide',
  'give',
  'tell',
  'assist',
  'perform',
  'answer',
  'process',
  'let',
]);

const isRestatement = (clause: Clause, before: Clause): boolean =>
  clause.sentence > before.sentence &&
  clause.verb !== null &&
  RESTATING.has(clause.verb) &&
  clause.to - clause.from <= 9 &&
  clause.ties.refers &&
  !clause.ties.sequence &&
  !clause.ties.addition &&
  !clause.ties.closing;

const isValue = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === 'quote' ||
    token.kind === 'number' ||
    token.kind === 'name' ||
    (token.kind === 'word' && token.capital && token.text !== 'i'));

/** Words that may stand between a separator and the value of a list. */
const VALUE_LEADS: Role = role([
  'the',
  'a',
  'an',
  'for',
  'of',
  'in',
  'with',
  'by',
  'to',
  'from',
  'on',
  'between',
  'about',
  'one',
  'another',
]);

const beginsWithValue = (tokens: readonly Token[], from: number): boolean => {
  let at = from;
  while (at < from + 3 && is(tokens[at], VALUE_LEADS)) at++;
  return isValue(tokens[at]);
};

/** The longest run of values divided by commas and closed by "and". */
const listedValues = (tokens: readonly Token[], clause: Clause): number => {
  let longest = 1;
  let run = 0;
  let depth = 0;
  for (let at = clause.from; at < clause.to; at++) {
    const token = tokens[at] as Token;
    if (token.kind === 'bracket') depth = /[([]/u.test(token.text) ? depth + 1 : Math.max(0, depth - 1);
    if (depth > 0) continue;
    if (run === 0 && isValue(token) && at > clause.from) run = 1;
    const and = token.text === 'and';
    if (run === 0 || (token.kind !== 'comma' && !and)) continue;
    if (token.kind === 'comma' && tokens[at + 1]?.text === 'and') continue;
    run = beginsWithValue(tokens, at + 1) ? run + 1 : 0;
    if (and && run > longest) longest = run;
    if (and) run = Math.min(run, 1);
  }
  return longest;
};

const nestingOf = (tokens: readonly Token[]): Reading['nesting'] => {
  const nesting = { comparison: 0, superlative: 0, relative: 0, of: 0, or: 0, and: 0 };
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    if (is(token, COMPARISON_WORDS)) nesting.comparison++;
    if (is(token, SUPERLATIVES)) nesting.superlative++;
    if (is(token, RELATIVE_WORDS) && at > 1 && token.text !== tokens[0]?.text) nesting.relative++;
    if (token.text === 'of') nesting.of++;
    if (token.text === 'or') nesting.or++;
    if (token.text === 'and') nesting.and++;
  }
  return nesting;
};

const formOf = (input: RecognitionInput, asks: readonly Clause[], items: number): Form => {
  if ((input.givenSteps?.length ?? 0) > 0) return 'given';
  if (items > 1) return 'listed';
  if (asks.length === 0) return 'unclear';
  return asks.every((clause) => clause.kind === 'question') ? 'question' : 'asked';
};

/** No one asks for more in one text; beyond it the last takes the rest. */
const MOST_ASKS = 64;

const bounded = (asks: Clause[], end: number): Clause[] => {
  if (asks.length <= MOST_ASKS) return asks;
  const kept = asks.slice(0, MOST_ASKS);
  const last = kept[MOST_ASKS - 1] as Clause;
  return [...kept.slice(0, -1), { ...last, to: end }];
};

export const read = (input: RecognitionInput): Reading => {
  const tokens = tokenise(input.text);
  const asks = bounded(distinctAsks(clausesOf(tokens)), tokens.length);
  const items = itemsOf(tokens);
  return {
    input,
    tokens,
    form: formOf(input, asks, items.length),
    asks,
    items,
    values: asks.reduce((most, clause) => Math.max(most, listedValues(tokens, clause)), 1),
    nesting: nestingOf(tokens),
  };
};
