/**
 * Verifying proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2; subtrees as in draft-ietf-plants-merkle-tree-certs). Each function says why a proof does not
 * hold, or null when it does. A proof that is absent (`null`, as some logs write an empty one) is the empty proof.
 */
import { sameBytes } from '../bytes.js';
import { bitLength } from './ranges.js';
import { HASH_BYTES, type TreeHasher } from './tree-hasher.js';

export type Proof = readonly Uint8Array[] | null;

export interface InclusionClaim {
  index: bigint;
  size: bigint;
  leafHash: Uint8Array;
  root: Uint8Array;
}

export const inclusionFailure = (hasher: TreeHasher, { index, size, leafHash, root }: InclusionClaim, proof: Proof): string | null => {
  if (index < 0n || index >= size) return `index ${index} lies outside of a tree of ${size}`;
  const hashes = proof ?? [];
  const malformed = malformedHash(leafHash, ...hashes);
  if (malformed) return malformed;
  const inner = bitLength(index ^ (size - 1n));
  const expected = inner + onesOf(index >> BigInt(inner));
  if (hashes.length !== expected) return `${hashes.length} hashes, where a proof of leaf ${index} in a tree of ${size} has ${expected}`;
  const computed = hashes.reduce(
    (node, sibling, level) =>
      level < inner && ((index >> BigInt(level)) & 1n) === 0n ? hasher.node(node, sibling) : hasher.node(sibling, node),
    leafHash,
  );
  return sameBytes(computed, root) ? null : 'the proof leads to another root';
};

export interface ConsistencyClaim {
  oldSize: bigint;
  oldRoot: Uint8Array;
  size: bigint;
  root: Uint8Array;
}

/** Consistency with the empty tree says nothing, so it is refused, whatever the proof. */
export const consistencyFailure = (hasher: TreeHasher, claim: ConsistencyClaim, proof: Proof): string | null => {
  const { oldSize, oldRoot, size, root } = claim;
  if (oldSize <= 0n) return 'every tree is consistent with the empty one: there is nothing to prove from size 0';
  if (oldSize > size) return `size ${size} is smaller than ${oldSize}`;
  return subtreeConsistencyFailure(hasher, { from: 0n, to: oldSize, subtreeRoot: oldRoot, size, root }, proof);
};

/** Whether a subtree can stand at `[from, to)`: not empty, and beginning at a multiple of the power of two that holds it. */
const subtreeProblem = (from: bigint, to: bigint): string | null => {
  if (from < 0n || to <= from) return `[${from}, ${to}) is empty`;
  const alignment = 1n << BigInt(bitLength(to - from - 1n));
  return from % alignment === 0n ? null : `no subtree stands at [${from}, ${to})`;
};

export interface SubtreeInclusionClaim {
  index: bigint;
  from: bigint;
  to: bigint;
  leafHash: Uint8Array;
  subtreeRoot: Uint8Array;
}

export const subtreeInclusionFailure = (hasher: TreeHasher, claim: SubtreeInclusionClaim, proof: Proof): string | null => {
  const { index, from, to, leafHash, subtreeRoot } = claim;
  return subtreeProblem(from, to) ?? inclusionFailure(hasher, { index: index - from, size: to - from, leafHash, root: subtreeRoot }, proof);
};

export interface SubtreeConsistencyClaim {
  from: bigint;
  to: bigint;
  subtreeRoot: Uint8Array;
  size: bigint;
  root: Uint8Array;
}

/** That the subtree at `[from, to)` is part of the tree of `size`. With `from` 0 it is the consistency of two trees. */
export const subtreeConsistencyFailure = (hasher: TreeHasher, claim: SubtreeConsistencyClaim, proof: Proof): string | null => {
  const { from, to, subtreeRoot, size, root } = claim;
  const hashes = proof ?? [];
  if (from === to && to <= size) return emptySubtreeFailure(hasher, subtreeRoot, hashes);
  const problem = subtreeProblem(from, to) ?? malformedHash(...hashes);
  if (problem) return problem;
  if (to > size) return `size ${size} is smaller than ${to}`;
  const start = seedPlace(from, to - 1n, size - 1n);
  const seed = start.first === start.last ? subtreeRoot : hashes[0];
  if (!seed) return 'the proof is empty';
  const climbed = climb(hasher, start, seed, start.first === start.last ? hashes : hashes.slice(1));
  if (typeof climbed === 'string') return climbed;
  if (!sameBytes(climbed.subtree, subtreeRoot)) return 'the proof leads to another root of the smaller tree';
  return sameBytes(climbed.tree, root) ? null : 'the proof leads to another root of the larger tree';
};

/** Part of every tree, whatever that one's root. */
const emptySubtreeFailure = (hasher: TreeHasher, root: Uint8Array, hashes: readonly Uint8Array[]): string | null =>
  hashes.length === 0 && sameBytes(root, hasher.empty()) ? null : 'an empty subtree has the root of nothing, and an empty proof';

/** The places of the subtree's first leaf, its last, and the tree's last, on one level. */
interface Place {
  first: bigint;
  last: bigint;
  end: bigint;
}

/** The lowest node on the subtree's right edge that is whole in both trees. */
const seedPlace = (first: bigint, last: bigint, end: bigint): Place => {
  let place: Place = { first, last, end };
  const flush = last === end;
  while (place.first !== place.last && (flush || (place.last & 1n) === 1n)) place = up(place);
  return place;
};

const up = ({ first, last, end }: Place): Place => ({ first: first >> 1n, last: last >> 1n, end: end >> 1n });

/** Both roots, grown from the same seed; or why the proof has not the right number of hashes. */
const climb = (
  hasher: TreeHasher,
  start: Place,
  seed: Uint8Array,
  hashes: readonly Uint8Array[],
): { subtree: Uint8Array; tree: Uint8Array } | string => {
  let place = start;
  let subtree = seed;
  let tree = seed;
  for (const hash of hashes) {
    if (place.end === 0n) return 'the proof has too many hashes';
    if ((place.last & 1n) === 1n || place.last === place.end) {
      if (place.first < place.last) subtree = hasher.node(hash, subtree);
      tree = hasher.node(hash, tree);
      while ((place.last & 1n) === 0n) place = up(place);
    } else tree = hasher.node(tree, hash);
    place = up(place);
  }
  return place.end === 0n ? { subtree, tree } : 'the proof has too few hashes';
};

const onesOf = (value: bigint): number => value.toString(2).replaceAll('0', '').length;

const malformedHash = (...hashes: Uint8Array[]): string | null =>
  hashes.every(({ length }) => length === HASH_BYTES) ? null : `a hash has not ${HASH_BYTES} bytes`;
