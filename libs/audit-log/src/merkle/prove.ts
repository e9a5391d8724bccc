/** Proofs from tiles: first which tiles are needed, so that a caller can fetch them, then the proof. */
import { nodeFromTiles, tileOf, tilePath, type TileId, type TileReader } from '../tiles/tile.js';
import { nodesOf, type Range } from './ranges.js';
import type { TreeHasher } from './tree-hasher.js';

export const tilesOf = (ranges: readonly Range[]): TileId[] => {
  const tiles = new Map<string, TileId>();
  for (const node of ranges.flatMap(nodesOf)) {
    const { level, index } = tileOf(node);
    tiles.set(tilePath({ level, index }), { level, index });
  }
  return [...tiles.values()];
};

/** The hashes of `ranges`, in their order. */
export const prove = (hasher: TreeHasher, ranges: readonly Range[], read: TileReader): Uint8Array[] =>
  ranges.map((range) => hasher.fold(nodesOf(range).map((node) => nodeFromTiles(hasher, node, read))));
