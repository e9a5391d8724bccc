import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LEXEME, Lexemes } from './lexemes.js';

const found = (text: string): [start: number, lexeme: string][] => {
  const lexemes = new Lexemes(text);
  const all: [number, string][] = [];
  while (lexemes.next()) all.push([lexemes.start, text.slice(lexemes.start, lexemes.end)]);
  return all;
};

/** Mostly ASCII, with what words may be joined with, and a little of everything else. */
const text = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 6 }) }, fc.string({ unit: 'binary', maxLength: 3 })),
  )
  .map((parts) => parts.join(''));

describe('lexemes', () => {
  it('are those of the expression', () => {
    fc.assert(
      fc.property(text, (any) => expect(found(any)).toEqual([...any.matchAll(new RegExp(LEXEME))].map((match) => [match.index, match[0]]))),
      { numRuns: 2_000 },
    );
  });

  it('tells plain words', () => {
    const lexemes = new Lexemes("well don't stop");
    const plain: boolean[] = [];
    while (lexemes.next()) plain.push(lexemes.plain);
    expect(plain).toEqual([true, false, true]);
  });
});
