/** One pass over the text: words, numbers, quotations and the marks that divide them. Linear in the text, whatever it holds. */

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
}

/** One alternation, each branch decided by its first character, so that nothing is read twice. */
const LEXEME =
  /[\p{L}_][\p{L}\p{M}\p{N}_'’]*(?:[-./:@\\#+&=?%~][\p{L}\p{N}_/-]+)*|[$€£]?\p{N}+(?:[.,:/-]\p{N}+)*\p{L}*|\n|["“”'‘`«»()[\],:;.!?*•–—-]/gu;

const CLOSING: Readonly<Record<string, string>> = { '"': '"', '“': '”', "'": "'", '‘': '’', '`': '`', '«': '»' };
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
    const closing = CLOSING[mark];
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
  ['–', 'comma'],
  ['—', 'comma'],
]);

const isItemMark = (text: string, lexeme: string, start: number): boolean => {
  if (!/^(?:\d{1,3}|[-*•–])$/u.test(lexeme)) return false;
  if (/\d/u.test(lexeme))
    return /^[.)]\s/u.test(text.slice(start + lexeme.length, start + lexeme.length + 2)) && !/[\w.,$€£#]/u.test(text[start - 1] ?? ' ');
  return text[start + 1] === ' ' && /\n|^$/u.test(text[start - 1] ?? '');
};

const isName = (lexeme: string): boolean => /[./@_:#\\=&\d]/u.test(lexeme);

/** Null for what says nothing by itself. */
const kindOf = (text: string, lexeme: string, start: number): TokenKind | null => {
  if (isItemMark(text, lexeme, start)) return 'item';
  const mark = MARKS.get(lexeme);
  if (mark) return mark;
  if (/^[\p{N}$€£]/u.test(lexeme)) return 'number';
  if (!/[\p{L}_]/u.test(lexeme)) return null;
  return isName(lexeme) ? 'name' : 'word';
};

/** Most lexemes: what takes looking at other characters is not asked of them. */
const isAsciiLetter = (code: number): boolean => (code | 32) >= 97 && (code | 32) <= 122;
const LOWER = 97;

export const tokenise = (text: string): Token[] => {
  const tokens: Token[] = [];
  const quotations = new Quotations(text);
  const lexemes = new RegExp(LEXEME);
  for (let match = lexemes.exec(text); match; match = lexemes.exec(text)) {
    const lexeme = match[0];
    const start = match.index;
    const close = lexeme.length === 1 ? quotations.closeOf(start) : -1;
    if (close !== -1) lexemes.lastIndex = close + 1;
    const first = lexeme.charCodeAt(0);
    const plain = isAsciiLetter(first);
    const named = plain && isName(lexeme) ? 'name' : 'word';
    const kind = close !== -1 ? 'quote' : plain ? named : kindOf(text, lexeme, start);
    if (kind === null || (lexeme === '.' && ABBREVIATIONS.has(tokens[tokens.length - 1]?.text ?? ''))) continue;
    const end = kind === 'quote' ? close + 1 : kind === 'item' && /\d/u.test(lexeme) ? start + lexeme.length + 1 : start + lexeme.length;
    lexemes.lastIndex = end;
    tokens.push({
      kind,
      text: kind === 'quote' ? '' : lexeme.toLowerCase(),
      start,
      end,
      capital: plain ? first < LOWER : /^\p{Lu}/u.test(lexeme),
    });
  }
  return settleItems(tokens);
};

/** "with ID 78. Then" is no list: numbered items count up from 1. One dash alone is no list either. */
const settleItems = (tokens: Token[]): Token[] => {
  const items = tokens.filter((token) => token.kind === 'item');
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
