/** A tree that is told its perfect subtrees from the left, of whatever size, and remembers one of each size. */
import { bitLength, type Range } from './ranges.js';
import type { TreeHasher } from './tree-hasher.js';

export class CompactRange {
  /** The largest first; the bits of `leaves`. */
  private readonly subtrees: { level: number; hash: Uint8Array }[] = [];
  private leaves = 0n;

  constructor(private readonly hasher: TreeHasher) {}

  get size(): bigint {
    return this.leaves;
  }

  /** One that begins where the tree ends, as `coverOf` gives them. */
  append({ from, to }: Range, hash: Uint8Array): void {
    let node = { level: bitLength(to - from) - 1, hash };
    for (let left = this.subtrees.at(-1); left?.level === node.level; left = this.subtrees.at(-1)) {
      this.subtrees.pop();
      node = { level: node.level + 1, hash: this.hasher.node(left.hash, node.hash) };
    }
    this.subtrees.push(node);
    this.leaves = to;
  }

  root(): Uint8Array {
    return this.hasher.fold(this.subtrees.map(({ hash }) => hash));
  }
}
