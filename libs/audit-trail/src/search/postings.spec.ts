import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodePostings, encodePostings, firstOf, inAllGroups, SEGMENT_SIZE, segmentOf } from './postings.js';

const anySet = fc
  .uniqueArray(fc.integer({ min: 0, max: SEGMENT_SIZE - 1 }), { maxLength: 600 })
  .map((offsets) => offsets.sort((a, b) => a - b));

describe('postings', () => {
  it('come back as they were, in at most 512 bytes', () =>
    fc.assert(
      fc.property(anySet, (offsets) => {
        const bytes = encodePostings(offsets);
        expect(decodePostings(bytes)).toEqual(offsets);
        expect(bytes.length).toBeLessThanOrEqual(512);
      }),
    ));

  it('meet where one set of every group has the event', () =>
    fc.assert(
      fc.property(fc.array(fc.array(anySet, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 }), (groups) => {
        const expected = Array.from({ length: SEGMENT_SIZE }, (_, i) => i).filter((i) =>
          groups.every((sets) => sets.some((set) => set.includes(i))),
        );
        expect(inAllGroups(groups.map((sets) => sets.map(encodePostings)))).toEqual(expected);
      }),
      { numRuns: 20 },
    ));

  it.each([
    [1, 0],
    [4_096, 0],
    [4_097, 1],
  ])('count position %i to segment %i', (position, segment) => {
    expect(segmentOf(position)).toBe(segment);
    expect(firstOf(segment)).toBeLessThanOrEqual(position);
  });
});
