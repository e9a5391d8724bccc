/** The Merkle tree of RFC 6962 section 2.1, as a compact range: the roots of the perfect subtrees, smallest first. Mirrors `es.extend_frontier`. */
import { createHash } from 'node:crypto';

const HASH_BYTES = 32;
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

export const leafHash = (canonical: Uint8Array): Buffer => createHash('sha256').update(LEAF).update(canonical).digest();

export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer =>
  createHash('sha256').update(NODE).update(left).update(right).digest();

/** The frontier of a tree of `size` leaves after one more leaf. */
export const extendFrontier = (size: number, frontier: Uint8Array, leaf: Uint8Array): Buffer => {
  let node: Buffer = Buffer.from(leaf);
  let merged = 0;
  for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    node = nodeHash(frontier.subarray(merged * HASH_BYTES, (merged + 1) * HASH_BYTES), node);
    merged++;
  }
  return Buffer.concat([node, frontier.subarray(merged * HASH_BYTES)]);
};

/** The tree's root hash; of the empty tree the hash of nothing. */
export const rootOfFrontier = (frontier: Uint8Array): Buffer => {
  if (frontier.length === 0) return createHash('sha256').digest();
  let root: Buffer = Buffer.from(frontier.subarray(0, HASH_BYTES));
  for (let at = HASH_BYTES; at < frontier.length; at += HASH_BYTES) root = nodeHash(frontier.subarray(at, at + HASH_BYTES), root);
  return root;
};
