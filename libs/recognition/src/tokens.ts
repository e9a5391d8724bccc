/** One pass over the text: words, numbers, quotations and the marks that divide them. Linear in the text, whatever it holds. */

import { Lexemes } from './lexemes.js';
import { knownOf, UNKNOWN, type Known } from './known.js';

export const TOKEN_KINDS = [
  'word',
  'number',
  /** Quoted matter: something to work on, not something asked. */
  'quote',
  /** A file, an address, an identifier. */
  'name',
  'comma',
  'colon',
  'stop',
  'question',
  'break',
  'bracket',
  /** The mark of a list item: "1.", "2)", "-". */
  'item',
] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

export interface Token {
  kind: TokenKind;
  /** Lower case. */
  text: string;
  /** Offsets in the text, end exclusive. */
  start: number;
  end: number;
  capital: boolean;
  /** What is known of a word; of everything else, nothing. */
  known: Known;
}

const CLOSING: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['“', '”'],
  ["'", "'"],
  ['‘', '’'],
  ['`', '`'],
  ['«', '»'],
]);
/** A whole request in quotation marks is still a request. */
const QUOTED_REQUEST = 0.7;

const isLetter = (char: string | undefined): boolean => char !== undefined && /[\p{L}\p{N}]/u.test(char);

/** Finds where quotations end. Remembers marks that close no more, so that many open ones cost no more than one. */
class Quotations {
  private readonly spent = new Set<string>();

  constructor(private readonly text: string) {}

  /** The position of the closing mark, or -1: an apostrophe, or never closed. */
  closeOf(open: number): number {
    const mark = this.text[open] as string;
    const closing = CLOSING.get(mark);
    if (closing === undefined || this.spent.has(mark) || !this.text[open + 1]?.trim()) return -1;
    if (isLetter(this.text[open - 1]) && mark !== '"') return -1;
    for (let at = this.text.indexOf(closing, open + 1); at !== -1; at = this.text.indexOf(closing, at + 1)) {
      if (mark === '"' || !isLetter(this.text[at + 1])) return this.isRequest(open, at) ? -1 : at;
    }
    this.spent.add(mark);
    return -1;
  }

  private isRequest(open: number, close: number): boolean {
    return open < 3 && close - open > QUOTED_REQUEST * this.text.length;
  }
}

/** A comma, or the mark of an item. */
const DASH = '–';
const MARKS: ReadonlyMap<string, TokenKind> = new Map([
  [',', 'comma'],
  [':', 'colon'],
  [';', 'stop'],
  ['.', 'stop'],
  ['!', 'stop'],
  ['?', 'question'],
  ['\n', 'break'],
  ['(', 'bracket'],
  [')', 'bracket'],
  ['[', 'bracket'],
  [']', 'bracket'],
  [DASH, 'comma'],
  ['—', 'comma'],
]);

const isItemMark = (text: string, lexeme: string, start: number): boolean => {
  if (lexeme.length > 3 || !/^(?:\d{1,3}|[-*•–])$/u.test(lexeme)) return false;
  if (/\d/u.test(lexeme))
    return /^[.)]\s/u.test(text.slice(start + lexeme.length, start + lexeme.length + 2)) && !/[\w.,$€£#]/u.test(text[start - 1] ?? ' ');
  return text[start + 1] === ' ' && /\n|^$/u.test(text[start - 1] ?? '');
};

const isName = (lexeme: string): boolean => /[./@_:#\\=&\d]/u.test(lexeme);

/** Null for what says nothing by itself. */
const kindOf = (text: string, lexeme: string, start: number): TokenKind | null => {
  const mark = MARKS.get(lexeme);
  if (mark !== undefined && lexeme !== DASH) return mark;
  if (isItemMark(text, lexeme, start)) return 'item';
  if (mark !== undefined) return mark;
  if (/^[\p{N}$€£]/u.test(lexeme)) return 'number';
  if (!/[\p{L}_]/u.test(lexeme)) return null;
  return isName(lexeme) ? 'name' : 'word';
};

/** Most tokens: nothing around them is looked at. */
const plainWord = (lexeme: string, { start, end }: Lexemes): Token => {
  const lower = lexeme.toLowerCase();
  const known = knownOf(lower);
  // The lexicon's own copy of a word is compared with the words of rules by its address alone.
  return { kind: 'word', text: known.word || lower, start, end, capital: lexeme.charCodeAt(0) !== lower.charCodeAt(0), known };
};

/** A token that begins where `lexemes` stands, and has `lexemes` go on behind it; null for what says nothing. */
const otherToken = (text: string, lexeme: string, lexemes: Lexemes, quotations: Quotations): Token | null => {
  const { start } = lexemes;
  const close = lexeme.length === 1 ? quotations.closeOf(start) : -1;
  if (close !== -1) {
    lexemes.end = close + 1;
    return { kind: 'quote', text: '', start, end: close + 1, capital: false, known: UNKNOWN };
  }
  const kind = kindOf(text, lexeme, start);
  if (kind === null) return null;
  if (kind === 'item' && /\d/u.test(lexeme)) lexemes.end++;
  const lower = lexeme.toLowerCase();
  const known = kind === 'word' ? knownOf(lower) : UNKNOWN;
  const capital = (kind === 'word' || kind === 'name') && /^\p{Lu}/u.test(lexeme);
  return { kind, text: lower, start, end: lexemes.end, capital, known };
};

export const tokenise = (text: string): Token[] => {
  const tokens: Token[] = [];
  const quotations = new Quotations(text);
  const lexemes = new Lexemes(text);
  while (lexemes.next()) {
    const lexeme = text.slice(lexemes.start, lexemes.end);
    const token = lexemes.plain ? plainWord(lexeme, lexemes) : otherToken(text, lexeme, lexemes, quotations);
    if (token === null || (lexeme === '.' && ABBREVIATIONS.has(tokens[tokens.length - 1]?.text ?? ''))) continue;
    tokens.push(token);
  }
  return settleItems(tokens);
};

/** "with ID 78. Then" is no list: numbered items count up from 1. One dash alone is no list either. */
const settleItems = (tokens: Token[]): Token[] => {
  const items = tokens.filter((token) => token.kind === 'item');
  if (items.length === 0) return tokens;
  const numbered = items.filter((token) => /\d/u.test(token.text));
  const inOrder = new Set<Token>();
  for (const token of numbered) if (Number(token.text) === inOrder.size + 1) inOrder.add(token);
  const bullets = items.length - numbered.length;
  return tokens.flatMap((token): Token[] => {
    if (token.kind !== 'item') return [token];
    if (!/\d/u.test(token.text)) return bullets > 1 ? [token] : [];
    if (inOrder.size > 1 && inOrder.has(token)) return [token];
    return [
      { ...token, kind: 'number', end: token.end - 1 },
      { ...token, kind: 'stop', text: '.', start: token.end - 1 },
    ];
  });
};

/** "Mr. X", "e.g. this": the dot ends no sentence. */
const ABBREVIATIONS = new Set('mr mrs ms dr prof st vs e.g i.e etc no inc ltd jr sr approx fig'.split(' '));
