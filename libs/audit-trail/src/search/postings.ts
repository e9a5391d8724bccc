/**
 * Which events of a segment have a term. A segment is 4,096 positions of the log; a set of them is 512 bytes of bits, or a list of two bytes
 * each where that is shorter.
 */
export const SEGMENT_SIZE = 4_096;

const BITMAP_BYTES = SEGMENT_SIZE / 8;

export const segmentOf = (position: number): number => Math.floor((position - 1) / SEGMENT_SIZE);
export const firstOf = (segment: number): number => segment * SEGMENT_SIZE + 1;

/** `offsets` from 0 on, ascending. */
export const encodePostings = (offsets: readonly number[]): Uint8Array => {
  if (offsets.length * 2 >= BITMAP_BYTES) {
    const bits = new Uint8Array(BITMAP_BYTES);
    for (const offset of offsets) bits[offset >> 3] = (bits[offset >> 3] ?? 0) | (1 << (offset & 7));
    return bits;
  }
  const list = new Uint8Array(offsets.length * 2);
  offsets.forEach((offset, i) => {
    list[2 * i] = offset >> 8;
    list[2 * i + 1] = offset & 0xff;
  });
  return list;
};

export const decodePostings = (bytes: Uint8Array): number[] => {
  const offsets: number[] = [];
  if (bytes.length === BITMAP_BYTES) {
    for (let i = 0; i < bytes.length; i++)
      for (let rest = bytes[i] as number, bit = 0; rest !== 0; rest >>= 1, bit++) if (rest & 1) offsets.push(8 * i + bit);
    return offsets;
  }
  for (let i = 0; i < bytes.length; i += 2) offsets.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  return offsets;
};

const WORDS = SEGMENT_SIZE / 32;

/** Sets the bits of a set in `words`, 32 offsets each. */
const join = (words: Uint32Array, bytes: Uint8Array): void => {
  if (bytes.length === BITMAP_BYTES) {
    for (let i = 0; i < WORDS; i++) {
      const at = 4 * i;
      words[i] =
        (words[i] as number) |
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
    }
    return;
  }
  for (let i = 0; i < bytes.length; i += 2) {
    const offset = ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
    words[offset >> 5] = (words[offset >> 5] as number) | (1 << (offset & 31));
  }
};

/** Offsets that stand in one set of every group, ascending. Each group is a union of sets. Bits are compared 32 at a time. */
export const inAllGroups = (groups: readonly (readonly Uint8Array[])[]): number[] => {
  const all = new Uint32Array(WORDS).fill(groups.length === 0 ? 0 : 0xffff_ffff);
  for (const sets of groups) {
    const own = new Uint32Array(WORDS);
    for (const bytes of sets) join(own, bytes);
    for (let i = 0; i < WORDS; i++) all[i] = (all[i] as number) & (own[i] as number);
  }
  const offsets: number[] = [];
  for (let i = 0; i < WORDS; i++)
    for (let rest = all[i] as number, bit = 0; rest !== 0; rest >>>= 1, bit++) if (rest & 1) offsets.push(32 * i + bit);
  return offsets;
};
