/** Tiles of C2SP tlog-tiles: up to 256 neighbouring nodes, eight levels of the tree in one. */
import type { NodeId } from '../merkle/ranges.js';
import { HASH_BYTES, type TreeHasher } from '../merkle/tree-hasher.js';

export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
const MAX_LEVEL = 63;

export interface TileId {
  /** 0: leaf hashes; each further level holds the roots of the full tiles below. */
  level: number;
  index: bigint;
}

/** What a path below a log's prefix names. `width`: of a partial one. */
export interface Resource {
  kind: number | 'entries' | 'records';
  index: bigint;
  width: number;
}

/** `<N>[.p/<W>]`: 1234067 is `x001/x234/067`. */
const tail = (index: bigint, width: number): string => {
  const digits = index.toString();
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? [];
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
};

export const tilePath = ({ level, index }: TileId, width = TILE_WIDTH): string => `tile/${level}/${tail(index, width)}`;

/** `records`: entries too long for a bundle; see `bundle.ts`. */
export const bundlePath = (index: bigint, width = TILE_WIDTH, kind: 'entries' | 'records' = 'entries'): string =>
  `tile/${kind}/${tail(index, width)}`;

const PATH = /^tile\/(0|[1-9][0-9]?|entries|records)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** Null for what is no path of the layout, in its only spelling. */
export const parsePath = (path: string): Resource | null => {
  const [, first = '', groups = '', partial] = PATH.exec(path) ?? [];
  if (first === '') return null;
  const kind = first === 'entries' || first === 'records' ? first : Number(first);
  const index = BigInt(groups.replace(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if ((typeof kind === 'number' && kind > MAX_LEVEL) || (partial !== undefined && width >= TILE_WIDTH)) return null;
  return path === `tile/${kind}/${tail(index, width)}` ? { kind, index, width } : null;
};

export const tileNode = (hashes: Uint8Array, at: number): Uint8Array => hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);

/** The tile that holds a node, or the nodes that it is the root of. */
export const tileOf = ({ level, index }: NodeId): TileId & { offset: number; width: number } => {
  const within = level % TILE_HEIGHT;
  const first = index << BigInt(within);
  return {
    level: (level - within) / TILE_HEIGHT,
    index: first >> BigInt(TILE_HEIGHT),
    offset: Number(first % BigInt(TILE_WIDTH)),
    width: 1 << within,
  };
};

/** Gives a tile's hashes, as many as there are. */
export type TileReader = (tile: TileId) => Uint8Array;

/** Subtrees of tiles that their reader keeps: the upper tiles are asked of in every proof, and hashing is most of a proof's work. */
const roots = new WeakMap<Uint8Array, Map<number, Uint8Array>>();

/** A node's hash from the tile that holds it. Throws RangeError when the tile does not reach so far. What a reader gave is not written to any more. */
export const nodeFromTiles = (hasher: TreeHasher, node: NodeId, read: TileReader): Uint8Array => {
  const { level, index, offset, width } = tileOf(node);
  const tile = read({ level, index });
  if (tile.length < (offset + width) * HASH_BYTES)
    throw new RangeError(`tile ${tilePath({ level, index })} has no hash ${offset + width - 1}`);
  const known = roots.get(tile) ?? new Map<number, Uint8Array>();
  if (known.size === 0) roots.set(tile, known);
  const key = offset * TILE_WIDTH + width;
  const root = known.get(key) ?? hasher.perfect(tile.subarray(offset * HASH_BYTES, (offset + width) * HASH_BYTES));
  known.set(key, root);
  return root;
};
