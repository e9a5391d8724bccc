/** The sparse features of a request: runs of words, hashed (Weinberger et al. 2009). No text is kept, and none can be read back. */
import { TOKEN_KINDS, type Token, type TokenKind } from './tokens.js';

export interface Sparse {
  /** Buckets, ascending, each once. */
  index: Int32Array;
  /** 1 + log of the count, scaled to length 1 together. */
  value: Float64Array;
}

/** A bucket is a number of 16 bits. */
export const BUCKETS = 1 << 16;

/** Finaliser of MurmurHash3 (Appleby): every bit of the input reaches every bit of the result. */
const mix = (hash: number): number => {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** FNV-1a over UTF-16 code units. */
export const hashText = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
};

/** What a number, a quotation or a file says does not matter to the structure; that one stands there does. */
const HASHED_KINDS: ReadonlyMap<TokenKind, number> = new Map(
  TOKEN_KINDS.filter((kind) => kind !== 'word').map((kind) => [kind, hashText(`<${kind}>`)]),
);

/** Hashes of the text's tokens, in order. */
export const hashTokens = (tokens: readonly Token[]): Uint32Array => {
  const hashes = new Uint32Array(tokens.length);
  for (let at = 0; at < hashes.length; at++) {
    const { kind, text } = tokens[at] as Token;
    hashes[at] = HASHED_KINDS.get(kind) ?? hashText(text);
  }
  return hashes;
};

const SALT = 0x5bd1e995;
/** How the hash of a run of `length` tokens begins. */
const begun = (hash: number, length: number): number => mix(hash + length * SALT);
const join = (a: number, b: number, salt: number): number => mix(Math.imul(a, 0x9e3779b1) ^ (b + salt));

/** Most texts have fewer tokens. Room for them is kept: making typed arrays takes longer than filling them. No call is inside another. */
const ROOM = 512;
const RUNS = 4;
/** Tokens in a long run. */
const LONGEST = 5;
/** How a text is built shows in its first words as in all of them: so many fit into the room. */
const MOST_READ = Math.floor((RUNS * ROOM) / LONGEST) - 1;
const lentBuckets = new Uint16Array(RUNS * ROOM);
const lentSorted = new Uint16Array(RUNS * ROOM);

/** Runs of one, two and three tokens, and pairs with one token between, as one sparse vector. */
export const sparseOf = (hashes: Uint32Array): Sparse => {
  const n = hashes.length;
  const buckets = n <= ROOM ? lentBuckets : new Uint16Array(RUNS * n);
  const sorted = n <= ROOM ? lentSorted : new Uint16Array(RUNS * n);
  let used = 0;
  for (let at = 0; at < n; at++) {
    const first = hashes[at] as number;
    buckets[used++] = begun(first, 1);
    if (at + 1 >= n) break;
    const second = hashes[at + 1] as number;
    buckets[used++] = join(begun(first, 2), second, SALT);
    if (at + 2 >= n) continue;
    const third = hashes[at + 2] as number;
    buckets[used++] = join(join(begun(first, 3), second, SALT), third, SALT);
    buckets[used++] = join(first, third, 7 * SALT);
  }
  sortByte(buckets, sorted, used, 0);
  sortByte(sorted, buckets, used, 8);
  return counted(buckets, used);
};

/** Of no word. */
const OPENS = hashText('^');

/** Buckets of the runs of one to five tokens, of which one may be the beginning of the text; not sorted, and as often as a run occurs. */
export const longRunsOf = (hashes: Uint32Array): Uint16Array => {
  const n = Math.min(MOST_READ, hashes.length) + 1;
  let used = 0;
  for (let at = 0; at < n; at++) {
    let run = begun(at === 0 ? OPENS : (hashes[at - 1] as number), 0);
    const end = Math.min(n, at + LONGEST);
    for (let next = at; ;) {
      lentBuckets[used++] = run;
      if (++next >= end) break;
      run = join(run, hashes[next - 1] as number, SALT);
    }
  }
  return lentBuckets.subarray(0, used);
};

const lentPlaces = new Uint32Array(256);

/** Sorts by the byte at `shift`; equals stay in order, so that two passes sort sixteen bits (radix sort), linear in their number. */
const sortByte = (from: Uint16Array, into: Uint16Array, used: number, shift: number): void => {
  const places = lentPlaces.fill(0);
  for (let i = 0; i < used; i++) {
    const byte = ((from[i] as number) >> shift) & 255;
    places[byte] = (places[byte] as number) + 1;
  }
  for (let byte = 0, before = 0; byte < 256; byte++) {
    const here = places[byte] as number;
    places[byte] = before;
    before += here;
  }
  for (let i = 0; i < used; i++) {
    const byte = ((from[i] as number) >> shift) & 255;
    const place = places[byte] as number;
    into[place] = from[i] as number;
    places[byte] = place + 1;
  }
};

const distinctIn = (sorted: Uint16Array, used: number): number => {
  let distinct = Math.min(1, used);
  for (let at = 1; at < used; at++) if (sorted[at] !== sorted[at - 1]) distinct++;
  return distinct;
};

const counted = (sorted: Uint16Array, used: number): Sparse => {
  const distinct = distinctIn(sorted, used);
  const index = new Int32Array(distinct);
  const value = new Float64Array(distinct);
  let square = 0;
  for (let at = 0, i = 0; i < distinct; i++) {
    const from = at;
    while (at < used && sorted[at] === sorted[from]) at++;
    const weight = at - from === 1 ? 1 : 1 + Math.log(at - from);
    index[i] = sorted[from] as number;
    value[i] = weight;
    square += weight * weight;
  }
  const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
  for (let i = 0; i < distinct; i++) value[i] = (value[i] as number) * scale;
  return { index, value };
};
