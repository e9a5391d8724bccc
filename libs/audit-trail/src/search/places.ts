/**
 * Where an event with an id stands. An id is a hash, so an index of a row an id is written all over at random; here the first 40 bits of ids are
 * kept, packed: of a segment in the order of its positions, and of a run of sixteen segments in 256 buckets by their first byte. What is found by
 * them is a candidate: the record itself says whether it has the id.
 */
import { SEGMENT_SIZE } from './postings.js';

/** Segments of a run: its 65,536 positions are two bytes each. */
export const RUN_SEGMENTS = 16;
export const BUCKETS = 256;

const PREFIX_BYTES = 5;
const REST_BYTES = PREFIX_BYTES - 1;
/** In a bucket: the prefix without its first byte, and the offset in the run. */
const ENTRY_BYTES = REST_BYTES + 2;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const VALUES = new Uint8Array(128);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

export const runOf = (segment: number): number => Math.floor(segment / RUN_SEGMENTS);
export const firstSegmentOf = (run: number): number => run * RUN_SEGMENTS;
export const completesRun = (segment: number): boolean => segment % RUN_SEGMENTS === RUN_SEGMENTS - 1;

/** The prefixes of a segment's ids, by their offsets; zero where there is none. */
export const noPrefixes = (): Uint8Array => new Uint8Array(SEGMENT_SIZE * PREFIX_BYTES);

/** Nine characters hold 45 bits: two leading zero bits, the forty, three more. */
export const putPrefix = (prefixes: Uint8Array, offset: number, id: string): void => {
  let high = 0;
  for (let i = 0; i < 5; i++) high = (high << 5) | valueAt(id, i);
  let low = 0;
  for (let i = 5; i < 9; i++) low = (low << 5) | valueAt(id, i);
  // 23 bits, and 17 more.
  low >>= 3;
  const at = offset * PREFIX_BYTES;
  prefixes[at] = high >> 15;
  prefixes[at + 1] = high >> 7;
  prefixes[at + 2] = ((high & 0x7f) << 1) | (low >> 16);
  prefixes[at + 3] = low >> 8;
  prefixes[at + 4] = low;
};

const valueAt = (id: string, i: number): number => VALUES[id.charCodeAt(i) & 127] as number;

export const prefixOf = (id: string): Uint8Array => {
  const prefix = new Uint8Array(PREFIX_BYTES);
  putPrefix(prefix, 0, id);
  return prefix;
};

/** The offsets in a segment at which `prefix` stands. */
export const offsetsIn = (prefixes: Uint8Array, prefix: Uint8Array): number[] => matches(prefixes, PREFIX_BYTES, prefix);

/** A run's buckets, in order, from the prefixes of its segments. */
export const bucketsOf = (segments: readonly { segment: number; prefixes: Uint8Array }[]): Uint8Array[] => {
  const sizes = new Uint32Array(BUCKETS);
  for (const { prefixes } of segments)
    for (let at = 0; at < prefixes.length; at += PREFIX_BYTES) {
      const bucket = prefixes[at] as number;
      sizes[bucket] = (sizes[bucket] as number) + ENTRY_BYTES;
    }
  const buckets = Array.from(sizes, (size) => new Uint8Array(size));
  const ends = new Uint32Array(BUCKETS);
  for (const { segment, prefixes } of segments) {
    const base = (segment % RUN_SEGMENTS) * SEGMENT_SIZE;
    for (let at = 0, offset = base; at < prefixes.length; at += PREFIX_BYTES, offset++) {
      const bucket = prefixes[at] as number;
      const end = ends[bucket] as number;
      const entries = buckets[bucket] as Uint8Array;
      for (let i = 0; i < REST_BYTES; i++) entries[end + i] = prefixes[at + 1 + i] as number;
      entries[end + REST_BYTES] = offset >> 8;
      entries[end + REST_BYTES + 1] = offset & 0xff;
      ends[bucket] = end + ENTRY_BYTES;
    }
  }
  return buckets;
};

/** The offsets in a run at which `prefix` stands, by its bucket. */
export const offsetsInBucket = (entries: Uint8Array, prefix: Uint8Array): number[] =>
  matches(entries, ENTRY_BYTES, prefix.subarray(1)).map((i) => {
    const at = i * ENTRY_BYTES + REST_BYTES;
    return ((entries[at] as number) << 8) | (entries[at + 1] as number);
  });

/** The entries of `width` bytes that begin with `wanted`, by number. */
const matches = (bytes: Uint8Array, width: number, wanted: Uint8Array): number[] => {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += width) if (wanted.every((byte, i) => bytes[at + i] === byte)) found.push(at / width);
  return found;
};
