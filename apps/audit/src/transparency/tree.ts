/** Follows the log with the tree: full and partial tiles in the database, the right edge in memory. */
import { HASH_BYTES, partialTiles, TreeEdge, type TreeHasher } from '@mandate/audit-log';
import type { LogHead } from '@mandate/event-store';
import { AppError } from '@mandate/kernel';
import type { Growth, StoredTile, TreeStore } from './tree-store.js';

/** Positions a transaction: some 10 ms. */
const STEP = 4096n;

export const inconsistent = (message: string): AppError => new AppError('LOG_INCONSISTENT', 'internal', message);

export class Tree {
  private edge: TreeEdge | null = null;
  private filled: StoredTile[] = [];

  constructor(
    private readonly hasher: TreeHasher,
    private readonly store: TreeStore,
  ) {}

  /**
   * Grows to the log's head and resolves to the root there. Throws AppError `LOG_INCONSISTENT` when the log is shorter than the tree, when a position
   * is missing, or when the leaves have another root than the head that was kept as they were appended.
   */
  async grow(head: LogHead): Promise<{ size: bigint; root: Uint8Array }> {
    const goal = BigInt(head.size);
    for (let size = -1n; size < goal;) size = await this.store.grow((growth) => this.step(growth, goal));
    const edge = this.edge as TreeEdge;
    if (edge.size > goal) throw inconsistent(`the log has ${goal} events, and the tree has ${edge.size} already: events are gone`);
    const root = edge.root();
    if (!Buffer.from(this.rootOf(head)).equals(root)) throw inconsistent(`the ${goal} leaves have another root than the head of the log`);
    return { size: goal, root };
  }

  private async step(growth: Growth, goal: bigint): Promise<bigint> {
    const edge = this.edge?.size === growth.size ? this.edge : await this.load(growth.size);
    const last = edge.size + STEP < goal ? edge.size + STEP : goal;
    if (edge.size >= last) return edge.size;
    const first = edge.size + 1n;
    const { count, hashes } = await growth.leaves(first, last);
    if (count !== Number(last - first + 1n)) throw inconsistent(`of positions ${first} to ${last} the log holds ${count} events`);
    this.edge = null; // until what follows is committed
    for (let at = 0; at < hashes.length; at += HASH_BYTES) edge.append(hashes.subarray(at, at + HASH_BYTES));
    await growth.save([...this.filled, ...edge.partial()], edge.size);
    this.filled = [];
    this.edge = edge;
    return edge.size;
  }

  private async load(size: bigint): Promise<TreeEdge> {
    this.filled = [];
    const read = await this.store.tiles(partialTiles(size).map(({ tile }) => tile));
    this.edge = TreeEdge.from(this.hasher, size, read, (tile, hashes) => this.filled.push({ tile, hashes }));
    return this.edge;
  }

  /** The head's frontier has the smallest subtree first. */
  private rootOf({ frontier }: LogHead): Uint8Array {
    const subtrees = Array.from({ length: frontier.length / HASH_BYTES }, (_, i) =>
      frontier.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
    );
    return this.hasher.fold(subtrees.reverse());
  }
}
