/** Verifies a whole log in its tlog-tiles layout, whoever wrote it: signature, every entry, every tile, and the root, from the leaves up. */
import { sameBytes } from '../bytes.js';
import { TreeEdge } from '../merkle/tree-edge.js';
import { HASH_BYTES, type TreeHasher } from '../merkle/tree-hasher.js';
import { parseBundle } from '../tiles/bundle.js';
import { bundlePath, TILE_WIDTH, tileNode, tilePath, type TileId } from '../tiles/tile.js';
import type { Failure } from './failure.js';
import { isFailure, openCheckpoint, type SignedCheckpoint, type Trust } from './signed-checkpoint.js';

/** A file below the log's prefix; null when it is not there. */
export type ReadFile = (path: string) => Uint8Array | null;

export interface LogOptions {
  /** Entries and tiles below it may have been pruned; default 0. What is there is checked all the same. */
  minimumIndex?: bigint;
  /** Only the hashes are to be checked. */
  withoutEntries?: boolean;
  onProgress?: (entries: bigint) => void;
}

export interface LogReport {
  checkpoint: SignedCheckpoint | null;
  entries: bigint;
  tiles: bigint;
  /** The first ones; none: the log is intact. */
  failures: Failure[];
}

const MAX_FAILURES = 20;

const absent: Failure = { check: 'presence', at: 'checkpoint', reason: 'there is none' };

export const verifyLog = (hasher: TreeHasher, read: ReadFile, trust: Trust, options: LogOptions = {}): LogReport => {
  const bytes = read('checkpoint');
  const checkpoint = bytes ? openCheckpoint(bytes, trust) : absent;
  if (isFailure(checkpoint)) return { checkpoint: null, entries: 0n, tiles: 0n, failures: [checkpoint] };
  return new LogVerifier(hasher, read, checkpoint, options).verify();
};

class LogVerifier {
  private readonly failures: Failure[] = [];
  private readonly edge: TreeEdge;
  private entries = 0n;
  private tiles = 0n;
  private readonly minimumIndex: bigint;

  constructor(
    private readonly hasher: TreeHasher,
    private readonly read: ReadFile,
    private readonly checkpoint: SignedCheckpoint,
    private readonly options: LogOptions,
  ) {
    this.minimumIndex = options.minimumIndex ?? 0n;
    this.edge = new TreeEdge(hasher, (tile, hashes) => this.checkTile(tile, hashes));
  }

  verify(): LogReport {
    const { size, root } = this.checkpoint;
    while (this.edge.size < size && this.failures.length < MAX_FAILURES) {
      const from = this.edge.size;
      const left = size - from;
      if (!this.checkLeaves(from, left < TILE_WIDTH ? Number(left) : TILE_WIDTH)) break;
      this.options.onProgress?.(this.edge.size);
    }
    const complete = this.edge.size === size;
    if (complete) for (const { tile, hashes } of this.edge.partial()) this.checkTile(tile, hashes);
    if (complete && !sameBytes(this.edge.root(), root))
      this.fail({ check: 'root', at: 'checkpoint', reason: `the root of the ${size} leaves is not the one that was signed` });
    return { checkpoint: this.checkpoint, entries: this.entries, tiles: this.tiles, failures: this.failures };
  }

  /**
   * The leaves of one tile. What lies above follows from the stored hashes, so that a changed entry is one failure, and a changed hash is told by the
   * tiles above it too. False when a leaf is unknown: nothing behind it can be checked.
   */
  private checkLeaves(from: bigint, width: number): boolean {
    const index = from / BigInt(TILE_WIDTH);
    const stored = this.hashes({ level: 0, index }, width);
    const entries = this.options.withoutEntries ? null : this.bundle(index, from, width);
    for (let i = 0; i < width; i++) {
      const entry = entries?.[i];
      const computed = entry && this.hasher.leaf(entry);
      const hash = stored ? tileNode(stored, i) : computed;
      if (!hash) return false;
      if (computed) this.entries++;
      if (computed && !sameBytes(hash, computed))
        this.fail({
          check: 'entry',
          at: `${bundlePath(index, width)}, entry ${i}`,
          position: (from + BigInt(i) + 1n).toString(),
          reason: 'the entry does not hash to its leaf in the tile',
        });
      this.edge.append(hash);
    }
    return true;
  }

  private bundle(index: bigint, from: bigint, width: number): Uint8Array[] | null {
    const at = bundlePath(index, width);
    const bytes = this.readAtLeast((wide) => bundlePath(index, wide), width);
    const records = bytes ? null : this.readAtLeast((wide) => bundlePath(index, wide, 'records'), width);
    if (!bytes && !records) {
      if (from + BigInt(width) > this.minimumIndex)
        this.fail({ check: 'presence', at, position: (from + 1n).toString(), reason: 'there is no such bundle' });
      return null;
    }
    const { entries, rest } = bytes ? parseBundle(bytes.bytes) : parseBundle(records?.bytes ?? new Uint8Array(), 4);
    const expected = (bytes ?? records)?.width ?? width;
    if (entries.length === expected && rest === 0) return entries;
    this.fail({
      check: 'entry',
      at,
      position: (from + BigInt(Math.min(entries.length, width - 1)) + 1n).toString(),
      reason: `it holds ${entries.length} entries and ${rest} bytes more, not ${expected} entries`,
    });
    return entries;
  }

  /** A tile as stored, when it is there and as long as it must be. */
  private hashes(tile: TileId, width: number): Uint8Array | null {
    const at = tilePath(tile, width);
    const position = this.firstPosition(tile);
    const found = this.readAtLeast((wide) => tilePath(tile, wide), width);
    if (!found) {
      if (this.endOf(tile) > this.minimumIndex || width < TILE_WIDTH)
        this.fail({ check: 'presence', at, position, reason: 'there is no such tile' });
      return null;
    }
    this.tiles++;
    if (found.bytes.length === found.width * HASH_BYTES) return found.bytes;
    this.fail({ check: 'tile', at, position, reason: `it has ${found.bytes.length} bytes, not ${found.width * HASH_BYTES}` });
    return null;
  }

  private checkTile(tile: TileId, computed: Uint8Array): void {
    const width = computed.length / HASH_BYTES;
    const stored = tile.level > 0 ? this.hashes(tile, width) : null;
    if (!stored) return;
    for (let i = 0; i < width; i++)
      if (!sameBytes(tileNode(stored, i), tileNode(computed, i)))
        return this.fail({
          check: 'tile',
          at: `${tilePath(tile, width)}, hash ${i}`,
          position: (((tile.index * BigInt(TILE_WIDTH) + BigInt(i)) << BigInt(8 * tile.level)) + 1n).toString(),
          reason: 'it is not the root of the tile below it',
        });
  }

  /** A partial file may have been deleted once the full one is there. */
  private readAtLeast(path: (width: number) => string, width: number): { bytes: Uint8Array; width: number } | null {
    const exact = this.read(path(width));
    if (exact) return { bytes: exact, width };
    const full = width < TILE_WIDTH ? this.read(path(TILE_WIDTH)) : null;
    return full && { bytes: full, width: TILE_WIDTH };
  }

  private endOf({ level, index }: TileId): bigint {
    return (index + 1n) << BigInt(8 * (level + 1));
  }

  private firstPosition({ level, index }: TileId): string {
    return ((index << BigInt(8 * (level + 1))) + 1n).toString();
  }

  private fail(failure: Failure): void {
    if (this.failures.length < MAX_FAILURES) this.failures.push(failure);
  }
}
