/** Counts by 32-bit key, small enough to ship: open addressing (linear probing), counts in one byte. */

const EXACT = 128;
const STEPS = 13;

/** Counts up to 127 exactly, above that within 3%; at most about 115,000. */
export const packCount = (count: number): number =>
  count < EXACT ? count : Math.min(255, EXACT + Math.round(Math.log2(count / EXACT) * STEPS));
export const unpackCount = (packed: number): number => (packed < EXACT ? packed : EXACT * 2 ** ((packed - EXACT) / STEPS));
/** What a packed count stands for, without computing it. */
export const UNPACKED: Float64Array = Float64Array.from({ length: 256 }, (_, packed) => unpackCount(packed));

export interface Counts {
  keys: Uint32Array;
  /** Packed; 0: no key lies here. */
  counts: Uint8Array;
}

const placeOf = ({ keys, counts }: Counts, key: number): number => {
  const mask = keys.length - 1;
  let place = (Math.imul(key, 0x9e3779b1) >>> 0) & mask;
  while (counts[place] !== 0 && keys[place] !== key) place = (place + 1) & mask;
  return place;
};

/** About what was counted; 0 for a key that was not. */
export const countIn = (table: Counts, key: number): number => UNPACKED[table.counts[placeOf(table, key)] as number] as number;

/** From distinct keys with their packed counts, none 0. */
export const countsFrom = (keys: ArrayLike<number>, packed: ArrayLike<number>): Counts => {
  let size = 16;
  while (size < 2 * keys.length) size *= 2;
  const table: Counts = { keys: new Uint32Array(size), counts: new Uint8Array(size) };
  for (let i = 0; i < keys.length; i++) {
    const place = placeOf(table, keys[i] as number);
    table.keys[place] = keys[i] as number;
    table.counts[place] = packed[i] as number;
  }
  return table;
};

/** The entries, ascending by key: the same counts give the same list. */
export const entriesOf = ({ keys, counts }: Counts): { keys: Uint32Array; packed: Uint8Array } => {
  const places = [...keys.keys()].filter((place) => counts[place] !== 0).sort((a, b) => (keys[a] as number) - (keys[b] as number));
  return {
    keys: Uint32Array.from(places, (place) => keys[place] as number),
    packed: Uint8Array.from(places, (place) => counts[place] as number),
  };
};

/** Several tables as one: a key is looked for once, and what lies around it in memory are its counts in all of them. */
export interface Joined {
  /** Slot after slot: a key (0: none lies here), then the tables' counts of it, packed, in bytes. */
  slots: Int32Array;
  /** The same memory by bytes. */
  bytes: Uint8Array;
  /** Numbers in a slot. */
  stride: number;
}

const BYTES = Int32Array.BYTES_PER_ELEMENT;

/** Visits the places where keys lie. */
const eachFilled = ({ counts }: Counts, visit: (place: number) => void): void => {
  for (let place = 0; place < counts.length; place++) if (counts[place] !== 0) visit(place);
};

export const joined = (tables: readonly Counts[]): Joined => {
  const all = new Set<number>();
  for (const table of tables) eachFilled(table, (place) => all.add(table.keys[place] as number));
  let size = 16;
  while (size < 2 * all.size) size *= 2;
  const stride = 1 + Math.ceil(tables.length / BYTES);
  const slots = new Int32Array(size * stride);
  const whole: Joined = { slots, bytes: new Uint8Array(slots.buffer), stride };
  tables.forEach((table, i) =>
    eachFilled(table, (place) => {
      const key = table.keys[place] as number;
      const slot = slotIn(whole, key);
      slots[slot * stride] = key || 1;
      whole.bytes[countsAt(whole, slot) + i] = table.counts[place] as number;
    }),
  );
  return whole;
};

/** Where the counts of a key are, or would be: all 0 there. */
export const slotIn = ({ slots, stride }: Joined, key: number): number => {
  const mask = slots.length / stride - 1;
  const sought = key | 0 || 1;
  let slot = Math.imul(sought, 0x9e3779b1) & mask;
  for (let at = slot * stride; slots[at] !== 0 && slots[at] !== sought; at = slot * stride) slot = (slot + 1) & mask;
  return slot;
};

/** Where in `bytes` the packed counts of a slot begin. */
export const countsAt = ({ stride }: Joined, slot: number): number => (slot * stride + 1) * BYTES;
