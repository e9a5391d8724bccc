/** Where the lexemes of a text lie: runs of letters and what they are joined with, numbers, single marks. Linear in the text. */

/** One alternation, each branch decided by its first character, so that nothing is read twice. */
export const LEXEME: RegExp =
  /[\p{L}_][\p{L}\p{M}\p{N}_'’]*(?:[-./:@\\#+&=?%~][\p{L}\p{N}_/-]+)*|[$€£]?\p{N}+(?:[.,:/-]\p{N}+)*\p{L}*|\n|["“”'‘`«»()[\],:;.!?*•–—-]/gu;

/** What `LEXEME` does with a character of ASCII. None of these: the expression is asked. */
const LETTER = 1;
/** Begins nothing. */
const BLANK = 2;
/** A lexeme by itself. */
const MARK = 4;
/** Ends a word. */
const END = 8;
/** Ends a word, unless it goes on behind it: "well-known", "photo.jpg". */
const JOINT = 16;
/** Behind a joint, goes on with nothing. */
const APART = 32;

/** By code. */
const ASCII: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  const letter = /[a-z]/iu.test(char);
  const mark = /[\n"'`()[\],:;.!?*-]/u.test(char);
  const joint = /[-./:@\\#+&=?%~]/u.test(char);
  const inside = letter || /[\d_']/u.test(char);
  return (
    (letter ? LETTER : 0) |
    (letter || mark || /[\d_$]/u.test(char) ? 0 : BLANK) |
    (mark ? MARK : 0) |
    (inside || joint ? 0 : END) |
    (joint ? JOINT : 0) |
    (/[a-z\d_/-]/iu.test(char) ? 0 : APART)
  );
});

const isAt = (text: string, at: number, what: number): boolean => {
  const code = text.charCodeAt(at);
  return code < ASCII.length && ((ASCII[code] as number) & what) !== 0;
};

/** Where the word of ASCII letters that begins at `from` ends; -1 where it may go on with something else. */
const plainEnd = (text: string, from: number): number => {
  let at = from + 1;
  while (isAt(text, at, LETTER)) at++;
  const ends =
    at === text.length || isAt(text, at, END) || (isAt(text, at, JOINT) && (at + 1 === text.length || isAt(text, at + 1, APART)));
  return ends ? at : -1;
};

/** Goes through the lexemes of a text. What most of them are, words of letters and single marks, is told without the expression. */
export class Lexemes {
  /** Of the lexeme last found, end exclusive; the next one is looked for from `end`. */
  start = 0;
  end = 0;
  /** It is made of ASCII letters only. */
  plain = false;

  constructor(private readonly text: string) {}

  /** Whether there is one more. */
  next(): boolean {
    const { text } = this;
    let at = this.end;
    while (isAt(text, at, BLANK)) at++;
    if (at >= text.length) return false;
    const end = isAt(text, at, MARK) ? at + 1 : isAt(text, at, LETTER) ? plainEnd(text, at) : -1;
    return end === -1 ? this.search(at) : this.found(at, end, isAt(text, at, LETTER));
  }

  private found(start: number, end: number, plain: boolean): boolean {
    this.start = start;
    this.end = end;
    this.plain = plain;
    return true;
  }

  private search(from: number): boolean {
    LEXEME.lastIndex = from;
    const match = LEXEME.exec(this.text);
    return match !== null && this.found(match.index, match.index + match[0].length, false);
  }
}
