/** The tree beside the log: tiles, as far as they reach, and the last signed head. */
import { HASH_BYTES, TILE_WIDTH, tilePath, type TileId, type TileReader } from '@mandate/audit-log';
import { LruMap, type Database, type Row } from '@mandate/event-store';
import type { PoolClient } from 'pg';

export interface StoredTile {
  tile: TileId;
  hashes: Uint8Array;
}

export interface TreeHead {
  /** Of the tiles. */
  size: bigint;
  checkpoint: string | null;
  signedSize: bigint;
  cosigned: string | null;
  signedAt: Date | null;
}

const HEAD = {
  name: 'audit_tree_head',
  text: 'SELECT size, checkpoint, signed_size, cosigned, signed_at FROM audit.log_tree WHERE log_id = 1',
};
const TILES = {
  name: 'audit_tiles',
  text: `SELECT t.level, t.index, t.hashes FROM unnest($1::smallint[], $2::bigint[]) AS w(level, index)
           JOIN audit.log_tile t ON t.level = w.level AND t.index = w.index`,
};
const PUBLISH = {
  name: 'audit_publish',
  text: `UPDATE audit.log_tree SET checkpoint = $1, signed_size = $2, signed_at = clock_timestamp() WHERE log_id = 1 AND signed_size <= $2`,
};
const COSIGNED = {
  name: 'audit_cosigned',
  text: `UPDATE audit.log_tree SET checkpoint = CASE WHEN signed_size = $2 THEN $1 ELSE checkpoint END, cosigned = CASE WHEN $3 THEN $1 ELSE cosigned END
          WHERE log_id = 1`,
};

const LOCK = 'SELECT size FROM audit.log_tree WHERE log_id = 1 FOR UPDATE';
const GROWN = 'UPDATE audit.log_tree SET size = $1 WHERE log_id = 1';
const SAVE = `
  INSERT INTO audit.log_tile (level, index, hashes) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
  ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes`;

/** One row: what crosses the wire is hashes. In the order of the index, so nothing is sorted. */
const LEAVES = `
  SELECT count(*)::integer AS count, string_agg(leaf_hash, ''::bytea) AS hashes
    FROM (SELECT leaf_hash FROM es.event WHERE log_id = 1 AND position BETWEEN $1::bigint AND $2::bigint ORDER BY position) e`;

const FULL_BYTES = TILE_WIDTH * HASH_BYTES;
/** 4 MiB, and at most as much again for the nodes within them: up to thirty million events, all levels but the lowest. */
const KEPT_TILES = 512;

export class TreeStore {
  private readonly full = new LruMap<string, Uint8Array>(KEPT_TILES);

  constructor(private readonly database: Database) {}

  async head(): Promise<TreeHead> {
    const [row] = (await this.database.query(HEAD)) as [Row];
    return {
      size: BigInt(row['size'] as string),
      checkpoint: row['checkpoint'] as string | null,
      signedSize: BigInt(row['signed_size'] as string),
      cosigned: row['cosigned'] as string | null,
      signedAt: row['signed_at'] as Date | null,
    };
  }

  /** Those that are there. Throws RangeError in the reader for one that is not. Full ones never change, so the last ones stay in memory. */
  async tiles(ids: readonly TileId[]): Promise<TileReader> {
    const found = new Map(ids.map((tile) => [tilePath(tile), this.full.get(tilePath(tile))]));
    for (const { tile, hashes } of await this.fetch(ids.filter((tile) => !found.get(tilePath(tile))))) found.set(tilePath(tile), hashes);
    return (tile) => {
      const hashes = found.get(tilePath(tile));
      if (!hashes) throw new RangeError(`there is no tile ${tilePath(tile)}`);
      return hashes;
    };
  }

  private async fetch(ids: readonly TileId[]): Promise<StoredTile[]> {
    if (ids.length === 0) return [];
    const rows = await this.database.query(TILES, [ids.map(({ level }) => level), ids.map(({ index }) => index.toString())]);
    const tiles = rows.map((row) => ({
      tile: { level: row['level'] as number, index: BigInt(row['index'] as string) },
      hashes: row['hashes'] as Buffer,
    }));
    for (const { tile, hashes } of tiles) if (hashes.length === FULL_BYTES) this.full.set(tilePath(tile), hashes);
    return tiles;
  }

  async publish(checkpoint: string, size: bigint): Promise<void> {
    await this.database.query(PUBLISH, [checkpoint, size.toString()]);
  }

  /** `complete`: every witness is among them. */
  async publishCosigned(checkpoint: string, size: bigint, complete: boolean): Promise<void> {
    await this.database.query(COSIGNED, [checkpoint, size.toString(), complete]);
  }

  /** One at a time in the whole system: whoever grows the tree is told how far it reaches, and nobody else changes it meanwhile. */
  grow<T>(work: (growth: Growth) => Promise<T>): Promise<T> {
    return this.database.transaction(async (client) => {
      const { rows } = await client.query<{ size: string }>(LOCK);
      return work(new Growth(client, BigInt(rows[0]?.size ?? 0)));
    });
  }
}

export class Growth {
  constructor(
    private readonly client: PoolClient,
    readonly size: bigint,
  ) {}

  /** The leaf hashes of positions, in order, one behind the other, and how many there were. */
  async leaves(first: bigint, last: bigint): Promise<{ count: number; hashes: Buffer }> {
    const { rows } = await this.client.query<{ count: number; hashes: Buffer | null }>(LEAVES, [first.toString(), last.toString()]);
    return { count: rows[0]?.count ?? 0, hashes: rows[0]?.hashes ?? Buffer.alloc(0) };
  }

  async save(tiles: readonly StoredTile[], size: bigint): Promise<void> {
    const levels = tiles.map(({ tile }) => tile.level);
    const indexes = tiles.map(({ tile }) => tile.index.toString());
    await this.client.query(SAVE, [levels, indexes, tiles.map(({ hashes }) => Buffer.from(hashes))]);
    await this.client.query(GROWN, [size.toString()]);
  }
}
