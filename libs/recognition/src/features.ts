/** The sparse features of a request: runs of words, hashed (Weinberger et al. 2009). No text is kept, and none can be read back. */
import type { Token } from './tokens.js';

export interface Sparse {
  /** Buckets, ascending, each once. */
  index: Int32Array;
  /** 1 + log of the count, scaled to length 1 together. */
  value: Float64Array;
}

export const BUCKET_BITS = 16;
export const BUCKETS = 1 << BUCKET_BITS;

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
const hashToken = ({ kind, text }: Token): number => hashText(kind === 'word' ? text : `<${kind}>`);

/** Hashes of the text's tokens, in order. */
export const hashTokens = (tokens: readonly Token[]): Uint32Array => Uint32Array.from(tokens, hashToken);

const join = (a: number, b: number, salt: number): number => mix(Math.imul(a, 0x9e3779b1) ^ (b + salt));

const RUNS = 4;
const SALT = 0x5bd1e995;

/** Hashes of the runs of `length` tokens, in the order of the text. */
export const runsOf = (hashes: Uint32Array, length: 1 | 2 | 3): Uint32Array => {
  const runs = new Uint32Array(Math.max(0, hashes.length - length + 1));
  for (let at = 0; at < runs.length; at++) {
    let hash = mix((hashes[at] as number) + length * SALT);
    for (let i = 1; i < length; i++) hash = join(hash, hashes[at + i] as number, SALT);
    runs[at] = hash;
  }
  return runs;
};

/** Runs of one, two and three tokens, and pairs with one token between, as one sparse vector. */
export const sparseOf = (hashes: Uint32Array): Sparse => {
  const n = hashes.length;
  const buckets = new Uint32Array(Math.max(0, RUNS * n - 5 + (n < 2 ? 5 : 0)) + RUNS);
  let used = 0;
  for (const length of [1, 2, 3] as const) for (const run of runsOf(hashes, length)) buckets[used++] = run & (BUCKETS - 1);
  for (let at = 0; at + 2 < n; at++) buckets[used++] = join(hashes[at] as number, hashes[at + 2] as number, 7 * SALT) & (BUCKETS - 1);
  return counted(buckets.subarray(0, used).sort());
};

const counted = (sorted: Uint32Array): Sparse => {
  const index = new Int32Array(sorted.length);
  const value = new Float64Array(sorted.length);
  let used = 0;
  let square = 0;
  for (let at = 0; at < sorted.length;) {
    let end = at + 1;
    while (end < sorted.length && sorted[end] === sorted[at]) end++;
    const weight = 1 + Math.log(end - at);
    index[used] = sorted[at] as number;
    value[used++] = weight;
    square += weight * weight;
    at = end;
  }
  const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
  for (let i = 0; i < used; i++) value[i] = (value[i] as number) * scale;
  return { index: index.subarray(0, used), value: value.subarray(0, used) };
};
