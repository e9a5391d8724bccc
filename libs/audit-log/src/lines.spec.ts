import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { linesOf } from './index.js';

const read = async (pieces: readonly Uint8Array[], maxBytes?: number): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of linesOf(
    (async function* () {
      yield* pieces;
    })(),
    maxBytes,
  ))
    lines.push(line);
  return lines;
};

describe('lines', () => {
  it('end at line feeds only, wherever the bytes are cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\u2028', '\r', '\ufeff') })),
        fc.integer({ min: 1, max: 7 }),
        async (lines, size) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
          expect(await read(pieces)).toEqual(lines);
        },
      ),
    ));

  it.each([1, 3, 100])('are empty when they are too long, in pieces of %i', async (size) => {
    const bytes = Buffer.from('1234\n12345\n123456\n12\n123456789');
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
    expect(await read(pieces, 5)).toEqual(['1234', '12345', '', '12', '']);
  });

  it('are there without an end, too', async () => expect(await read([Buffer.from('a\nb')])).toEqual(['a', 'b']));
});
