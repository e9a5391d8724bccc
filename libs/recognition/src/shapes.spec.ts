import { describe, expect, it } from '@jest/globals';
import { BUCKETS, hashTokens, sparseOf } from './features.js';
import { shapedOf } from './shapes.js';
import { tokenise } from './tokens.js';

const shaped = (text: string): { words: number[]; shapes: number[] } => {
  const tokens = tokenise(text);
  const hashes = hashTokens(tokens);
  const index = [...shapedOf(sparseOf(hashes), tokens, hashes).index];
  return { words: index.filter((bucket) => bucket < BUCKETS / 2), shapes: index.filter((bucket) => bucket >= BUCKETS / 2) };
};

describe('shapes', () => {
  it('are the same for texts that are built the same way, whatever they are about', () => {
    const one = shaped('Translate the old letter and then send it to the editor.');
    const other = shaped('Paint the window and then send it to the baker.');
    expect(other.shapes).toEqual(one.shapes);
    expect(other.words).not.toEqual(one.words);
  });

  it('differ where an order, a list or a reference differs', () => {
    const texts = [
      'Translate the letter and then send it.',
      'Translate the letter and send the invoice.',
      'Translate the letter, the invoice and the note.',
      'If it is long, translate the letter.',
    ];
    expect(new Set(texts.map((text) => shaped(text).shapes.join())).size).toBe(texts.length);
  });

  it('have buckets of their own, and as many for any text as for a long one', () => {
    const { words, shapes } = shaped('Translate the letter, '.repeat(5_000));
    for (const bucket of shapes) expect(bucket).toBeLessThan(BUCKETS);
    expect(words.length).toBeGreaterThan(0);
    expect(shapes.length).toBeGreaterThan(0);
    expect(shaped('').shapes).toHaveLength(1);
  });
});
