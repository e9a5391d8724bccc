/** A log in memory in the layout of tlog-tiles, and the same tree by the words of RFC 6962. */
import {
  bundlePath,
  formatBundle,
  formatCheckpoint,
  formatRecords,
  formatSignerKey,
  parseSignerKey,
  signedText,
  TILE_WIDTH,
  tilePath,
  TreeEdge,
  utf8,
  type ReadFile,
  type Signer,
} from '../src/index.js';
import { hasher, nodeCrypto } from './node-crypto.js';

export const signerNamed = (name: string, type: 1 | 4 = 1, seed = 7): Signer =>
  parseSignerKey(nodeCrypto, formatSignerKey(nodeCrypto, name, type, Buffer.alloc(32, seed)));

export const ORIGIN = 'log.example/one';
export const logSigner = signerNamed(ORIGIN);

export interface TestLog {
  files: Map<string, Uint8Array>;
  read: ReadFile;
  leaves: Uint8Array[];
  root: Uint8Array;
}

export const entriesOf = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => utf8(`entry ${i}`));

/** As another implementation would leave it on disk: only the last partial tiles. */
export const testLog = (entries: readonly Uint8Array[], signer: Signer = logSigner): TestLog => {
  const files = new Map<string, Uint8Array>();
  const edge = new TreeEdge(hasher, (tile, hashes) => files.set(tilePath(tile), hashes));
  const leaves = entries.map((entry) => hasher.leaf(entry));
  for (const leaf of leaves) edge.append(leaf);
  for (const { tile, hashes } of edge.partial()) files.set(tilePath(tile, hashes.length / 32), hashes);
  for (let from = 0; from < entries.length; from += TILE_WIDTH) {
    const some = entries.slice(from, from + TILE_WIDTH);
    const index = BigInt(from / TILE_WIDTH);
    const bundle = formatBundle(some);
    if (bundle) files.set(bundlePath(index, some.length), bundle);
    else files.set(bundlePath(index, some.length, 'records'), formatRecords(some));
  }
  const root = edge.root();
  files.set('checkpoint', utf8(signedText(signer, formatCheckpoint({ origin: signer.key.name, size: edge.size, root }))));
  return { files, read: (path) => files.get(path) ?? null, leaves, root };
};

/** RFC 6962 section 2.1, word for word. */
export const treeHash = (leaves: readonly Uint8Array[]): Uint8Array => {
  if (leaves.length === 0) return hasher.empty();
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = splitAt(leaves.length);
  return hasher.node(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
};

/** Section 2.1.1. */
export const path = (m: number, leaves: readonly Uint8Array[]): Uint8Array[] => {
  if (leaves.length === 1) return [];
  const k = splitAt(leaves.length);
  return m < k
    ? [...path(m, leaves.slice(0, k)), treeHash(leaves.slice(k))]
    : [...path(m - k, leaves.slice(k)), treeHash(leaves.slice(0, k))];
};

/** Section 2.1.2. */
export const subproof = (m: number, leaves: readonly Uint8Array[], whole = true): Uint8Array[] => {
  if (m === leaves.length) return whole ? [] : [treeHash(leaves)];
  const k = splitAt(leaves.length);
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), whole), treeHash(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), treeHash(leaves.slice(0, k))];
};

const splitAt = (size: number): number => {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
};
