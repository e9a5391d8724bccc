import { expect, it } from '@jest/globals';
import { decode128, encode128 } from '@mandate/kernel';
import fc from 'fast-check';
import { BUCKETS, bucketsOf, noPrefixes, offsetsIn, offsetsInBucket, prefixOf, putPrefix } from './places.js';
import { SEGMENT_SIZE } from './postings.js';

const anyId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(encode128);
const anyPlaces = fc.uniqueArray(fc.record({ offset: fc.integer({ min: 0, max: 3 * SEGMENT_SIZE - 1 }), id: anyId }), {
  minLength: 1,
  maxLength: 50,
  selector: ({ offset }) => offset,
});

it('keeps the first forty bits of an id', () =>
  fc.assert(fc.property(anyId, (id) => expect([...prefixOf(id)]).toEqual([...decode128(id).subarray(0, 5)]))));

it('finds each id again, in its segment and in its run', () =>
  fc.assert(
    fc.property(anyPlaces, fc.nat({ max: 1 }), (places, run) => {
      const segments = [13, 14, 15].map((segment) => ({ segment: segment + 16 * run, prefixes: noPrefixes() }));
      for (const { offset, id } of places)
        putPrefix(segments[Math.floor(offset / SEGMENT_SIZE)]?.prefixes as Uint8Array, offset % SEGMENT_SIZE, id);
      const buckets = bucketsOf(segments);
      expect(buckets).toHaveLength(BUCKETS);
      for (const { offset, id } of places) {
        const prefix = prefixOf(id);
        expect(offsetsIn(segments[Math.floor(offset / SEGMENT_SIZE)]?.prefixes as Uint8Array, prefix)).toContain(offset % SEGMENT_SIZE);
        expect(offsetsInBucket(buckets[prefix[0] as number] as Uint8Array, prefix)).toContain(13 * SEGMENT_SIZE + offset);
      }
    }),
    { numRuns: 30 },
  ));

it('does not find what is not there', () => {
  const prefixes = noPrefixes();
  putPrefix(prefixes, 7, '7ZZZZZZZZZZZZZZZZZZZZZZZZZ');
  const absent = prefixOf('7ZZZZZZY000000000000000000');
  expect(offsetsIn(prefixes, absent)).toEqual([]);
  expect(offsetsInBucket(bucketsOf([{ segment: 0, prefixes }])[255] as Uint8Array, absent)).toEqual([]);
});
