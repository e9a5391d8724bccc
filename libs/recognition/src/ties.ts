/** How a clause hangs together with those before it: order, reference, addition, separation. */
import {
  ADDITION_WORDS,
  APART_WORDS,
  BASIS_WORDS,
  CLOSING_WORDS,
  CONDITION_WORDS,
  JOIN_VERBS,
  OUTCOME_NOUNS,
  PRONOUNS,
  SEQUENCE_WORDS,
} from './lexicon.js';
import { is, role, type Role } from './known.js';
import type { Token } from './tokens.js';

/** What ties a clause to earlier ones. */
export interface Ties {
  /** "then", "after that". */
  sequence: boolean;
  /** "finally", "lastly": the last of a list, whether or not it waits for the rest. */
  closing: boolean;
  /** "also", "additionally". */
  addition: boolean;
  /** "separately", "in parallel", "each". */
  apart: boolean;
  /** "combine", "compare", "both": takes several results. */
  join: boolean;
  /** "the result", "it", "the translated text": takes what came before. */
  refers: boolean;
  /** "the image", after a clause that asks for an image: likely its result, maybe only the same thing again. */
  echoes: boolean;
  /** "if", "unless". */
  condition: boolean;
}

/** Their names, in the order of the measures. */
export const TIES: readonly (keyof Ties)[] = ['sequence', 'closing', 'addition', 'apart', 'join', 'refers', 'echoes', 'condition'];

/** As much of a clause as is looked at here. */
interface Tied {
  verb: string | null;
  from: number;
  to: number;
  ties: Ties;
}

export const noTies = (): Ties => ({
  sequence: false,
  closing: false,
  addition: false,
  apart: false,
  join: false,
  refers: false,
  echoes: false,
  condition: false,
});

/** "in parallel", but not "parallel computing"; "separately", but not "so that I can use it separately". */
export const saysApart = (tokens: readonly Token[], at: number): boolean => {
  const token = tokens[at];
  if (!is(token, APART_WORDS)) return false;
  if (token?.text === 'parallel') return tokens[at - 1]?.text === 'in';
  return tokens[at - 1]?.text !== 'it' && tokens[at - 1]?.text !== 'them';
};

/** Reads the words that tie a clause to those before it. `later`: something was asked before; `done`: the verbs of it. */
export const tie = (tokens: readonly Token[], clause: Tied, later: boolean, done: ReadonlySet<string>): void => {
  const { ties } = clause;
  if (clause.verb && JOIN_VERBS.has(clause.verb) && later) ties.join = true;
  for (let at = clause.from; at < clause.to; at++) {
    const token = tokens[at] as Token;
    if (token.kind !== 'word') continue;
    const near = at - clause.from < 6;
    if (near && is(token, SEQUENCE_WORDS)) ties.sequence = true;
    if (near && is(token, CLOSING_WORDS)) ties.closing = true;
    if (is(token, ADDITION_WORDS) || (token.text === 'well' && tokens[at - 1]?.text === 'as')) ties.addition = true;
    if (saysApart(tokens, at)) ties.apart = true;
    if (is(token, CONDITION_WORDS)) ties.condition = true;
    if (later && !ties.refers && refersBack(tokens, at, clause, done)) ties.refers = true;
    if (token.text === 'followed' && tokens[at + 1]?.text === 'by') ties.sequence = true;
  }
};

/** Enough of a word to know it again in another form: "summarise", "summary"; "translate", "translation". */
const rootOf = (word: string): string => (word.endsWith('s') && word.length > 4 ? word.slice(0, -1) : word).slice(0, 6);

export const mention = (tokens: readonly Token[], clause: Tied, mentioned: Set<string>): void => {
  for (let at = clause.from; at < clause.to; at++) {
    const token = tokens[at] as Token;
    if (token.kind === 'word' && token.text.length > 3) mentioned.add(rootOf(token.text));
  }
};

const BY_THE_WAY: ReadonlySet<string> = new Set([
  'name',
  'call',
  'give',
  'provide',
  'base',
  'follow',
  'need',
  'use',
  'include',
  'attach',
  'set',
  'work',
  'locate',
  'read',
  'put',
  'cut',
  'detail',
  'relate',
  'present',
  'like',
  'let',
  'start',
  'make',
  'leave',
  'store',
  'save',
]);

export const hiddenIn = (tokens: readonly Token[], clause: Tied): number => {
  let hidden = 0;
  for (let at = clause.from; at < clause.to; at++) {
    const token = tokens[at] as Token;
    const verb = token.capital ? undefined : token.known.verb;
    if (verb && (verb.form === 'past' || verb.form === 'gerund') && verb.base !== clause.verb && !BY_THE_WAY.has(verb.base)) hidden++;
  }
  return hidden;
};

const POINTING: Role = role(['the', 'this', 'that', 'these', 'those', 'its']);
const DEFINITE: Role = POINTING | role(['their']);

export const echoes = (tokens: readonly Token[], clause: Tied, mentioned: ReadonlySet<string>): boolean => {
  for (let at = clause.from + 1; at < clause.to; at++) {
    const token = tokens[at] as Token;
    if (token.kind !== 'word' || token.text.length < 4 || !mentioned.has(rootOf(token.text))) continue;
    if (is(tokens[at - 1], DEFINITE) || is(tokens[at - 2], DEFINITE)) return true;
  }
  return false;
};

/** "It is", "it was": stands for nothing said before. */
const IMPERSONAL: Role = role(['is', 'was', 'has', 'possible', 'would']);
/** Between which "that" and "this" stand alone: "based on this", "and with that, …". */
const BEFORE_ALONE: Role = BASIS_WORDS | role(['on', 'of', 'to', 'in', 'by']);
const BEHIND_ALONE: Role = role(['to', 'and', 'into', 'for', 'in', 'as', 'with']);

const refersBack = (tokens: readonly Token[], at: number, clause: Tied, done: ReadonlySet<string>): boolean => {
  const token = tokens[at] as Token;
  const previous = tokens[at - 1];
  const next = tokens[at + 1];
  if (is(token, PRONOUNS) && at >= clause.from) {
    if (token.text === 'it' || token.text === 'them') return !is(next, IMPERSONAL);
    const alone = !next || next.kind !== 'word' || at + 1 >= clause.to || is(next, BEHIND_ALONE);
    return alone && (is(previous, BEFORE_ALONE) || previous?.known.verb !== undefined);
  }
  if (!is(previous, POINTING)) return false;
  const { verb } = token.known;
  return is(token, OUTCOME_NOUNS) || (verb?.form === 'past' && done.has(verb.base));
};
