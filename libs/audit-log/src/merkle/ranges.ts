/**
 * Which parts of a tree a proof is made of. Leaf, index: from 0. Range: the leaves from `from` up to but not including `to`, a subtree in the sense
 * of RFC 6962. Node: a perfect subtree of 2^level leaves, the index-th of its size from the left. Sizes are of 64 bits.
 */
export interface Range {
  from: bigint;
  to: bigint;
}

export interface NodeId {
  level: number;
  index: bigint;
}

export const bitLength = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length);

/** The largest power of two below `size`, which is at least 2: where a tree of that size splits. */
const splitOf = (size: bigint): bigint => 1n << BigInt(bitLength(size - 1n) - 1);

/** RFC 6962 section 2.1.1: the siblings of the path from the leaf to the root, the leaf's own first. Needs index < size. */
export const inclusionRanges = (index: bigint, size: bigint): Range[] => {
  const ranges: Range[] = [];
  for (let from = 0n, to = size; to - from > 1n;) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.reverse();
};

/** RFC 6962 section 2.1.2: from the tree of `oldSize` to that of `size`. Needs 0 < oldSize <= size: of an empty tree there is nothing to prove. */
export const consistencyRanges = (oldSize: bigint, size: bigint): Range[] => {
  const ranges: Range[] = [];
  let from = 0n;
  let to = size;
  while (to !== oldSize) {
    const middle = from + splitOf(to - from);
    if (oldSize <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  // What is left is the end of the old tree; when it is all of it, the verifier has it as the old root.
  if (from > 0n) ranges.push({ from, to });
  return ranges.reverse();
};

/** The perfect subtrees of a range, from the left, which is largest first. The range begins where a subtree can. */
export const nodesOf = ({ from, to }: Range): NodeId[] => {
  const nodes: NodeId[] = [];
  for (let at = from; at < to;) {
    const level = bitLength(to - at) - 1;
    nodes.push({ level, index: at >> BigInt(level) });
    at += 1n << BigInt(level);
  }
  return nodes;
};

/** The perfect subtrees between two leaves, wherever these lie, from the left: largest in the middle. */
export const coverOf = ({ from, to }: Range): Range[] => {
  const cover: Range[] = [];
  for (let at = from; at < to;) {
    let width = 1n << BigInt(bitLength(to - at) - 1);
    while (at % width !== 0n) width >>= 1n;
    cover.push({ from: at, to: at + width });
    at += width;
  }
  return cover;
};
