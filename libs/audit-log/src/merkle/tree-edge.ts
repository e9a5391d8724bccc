import { concat } from '../bytes.js';
import { TILE_WIDTH, tileNode, type TileId } from '../tiles/tile.js';
import type { TreeHasher } from './tree-hasher.js';

/** Told of each tile that a leaf filled, before any that it fills above. */
export type FullTile = (tile: TileId, hashes: Uint8Array) => void;

/**
 * A growing tree that remembers no more than its right edge: the hashes of the last, partial tile of each level. Root and all later tiles follow from
 * those, so a tree that grows here is consistent with each of its earlier ones by construction.
 */
export class TreeEdge {
  /** By level; each has fewer than 256 hashes. */
  private readonly levels: Uint8Array[][] = [];
  private leaves = 0n;

  constructor(
    private readonly hasher: TreeHasher,
    private readonly onFull: FullTile = () => undefined,
  ) {}

  /** The edge of a tree of `size` from its partial tiles; `read` gives the hashes of one, at least as many as asked for. */
  static from(hasher: TreeHasher, size: bigint, read: (tile: TileId, width: number) => Uint8Array, onFull?: FullTile): TreeEdge {
    const edge = new TreeEdge(hasher, onFull);
    edge.leaves = size;
    for (const { tile, width } of partialTiles(size)) {
      const hashes = read(tile, width);
      edge.levels[tile.level] = Array.from({ length: width }, (_, i) => tileNode(hashes, i));
    }
    for (let level = 0; level < edge.levels.length; level++) edge.levels[level] ??= [];
    return edge;
  }

  get size(): bigint {
    return this.leaves;
  }

  append(leafHash: Uint8Array): void {
    this.leaves++;
    this.push(0, leafHash);
  }

  root(): Uint8Array {
    const subtrees = this.levels.flatMap((hashes) => this.perfectOnes(hashes).reverse()).reverse();
    return this.hasher.fold(subtrees);
  }

  /** The partial tiles that a checkpoint of this size stands on, the lowest first. */
  partial(): { tile: TileId; hashes: Uint8Array }[] {
    return this.levels.flatMap((hashes, level) =>
      hashes.length === 0 ? [] : [{ tile: { level, index: this.leaves >> BigInt(8 * (level + 1)) }, hashes: concat(hashes) }],
    );
  }

  private push(level: number, hash: Uint8Array): void {
    const hashes = (this.levels[level] ??= []);
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    const full = concat(hashes);
    this.levels[level] = [];
    this.onFull({ level, index: (this.leaves >> BigInt(8 * (level + 1))) - 1n }, full);
    this.push(level + 1, this.hasher.perfect(full));
  }

  /** The largest first. */
  private perfectOnes(hashes: readonly Uint8Array[]): Uint8Array[] {
    const roots: Uint8Array[] = [];
    for (let at = 0; at < hashes.length;) {
      const width = 1 << (31 - Math.clz32(hashes.length - at));
      roots.push(this.hasher.perfect(concat(hashes.slice(at, at + width))));
      at += width;
    }
    return roots;
  }
}

/** The right-most, partial tiles of a tree of `size`: tlog-tiles, "Partial Tiles". */
export const partialTiles = (size: bigint): { tile: TileId; width: number }[] => {
  const tiles = [];
  for (let level = 0, above = size; above > 0n; level++, above >>= 8n) {
    const width = Number(above % BigInt(TILE_WIDTH));
    if (width > 0) tiles.push({ tile: { level, index: above >> 8n }, width });
  }
  return tiles;
};
