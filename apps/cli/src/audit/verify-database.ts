/** `mandate audit verify --database`: reads the whole log, hashes everything anew and compares it with heads that were kept elsewhere. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  HASH_BYTES,
  partialTiles,
  RowsVerifier,
  TILE_WIDTH,
  tilePath,
  toHex,
  TreeEdge,
  type Failure,
  type KeptHead,
  type LogRow,
  type RetiredRow,
  type Trust,
} from '@mandate/audit-log';
import pg from 'pg';
import type { Surroundings } from '../config.js';
import { unreachable } from '../exit.js';
import { readSettings } from '../up/settings.js';
import { archiveFolderOf, keptHeads } from './kept-heads.js';
import { countIn, missingOf, retiredRanges, unfinishedFacts, type RetiredRange } from './retired-ranges.js';
import { hasher, usage } from './trust.js';
import type { Verdict } from './verdict.js';

export interface DatabaseOptions {
  /** An address, or true for the one of the surroundings. */
  database: string | true;
  /** Files with checkpoints that were kept elsewhere. */
  checkpoint: readonly string[];
  /** Below it retention may have dropped events. */
  minimumIndex: number;
  /** Where retention archives what it drops; default: where it does on this machine. */
  archive?: string;
}

/** Tiles a query: some 2 MB. */
const TILES_A_QUERY = 8;

/** A row a tile, each an index range of its own that is in order already. */
const CHUNK = `
  SELECT (start / ${TILE_WIDTH})::text AS tile, page.* FROM generate_series($1::bigint, $2::bigint, ${TILE_WIDTH}) AS start, LATERAL (
    SELECT encode(string_agg(canonical, ''::bytea), 'base64') AS canonical, string_agg(leaf_hash, ''::bytea) AS leaves,
           json_agg(json_build_array(position, octet_length(canonical), tenant, stream_type, stream_id, version, type, schema_version))::text AS columns
      FROM (SELECT * FROM es.event WHERE log_id = 1 AND position > start AND position <= start + ${TILE_WIDTH} ORDER BY position) e
    HAVING count(*) > 0) page
   ORDER BY start`;

interface Chunk {
  tile: string;
  /** Base64, which is two thirds of the hexadecimal digits that bytes are sent as. */
  canonical: string;
  leaves: Buffer;
  columns: string;
}

type Columns = [
  position: number,
  bytes: number,
  tenant: string,
  streamType: string,
  streamId: string,
  version: number,
  type: string,
  schemaVersion: number,
];

export const verifyDatabase = async (surroundings: Surroundings, trust: Trust | null, options: DatabaseOptions): Promise<Verdict> => {
  const client = await connect(await addressOf(surroundings, options.database));
  try {
    const { heads, failures } = await keptHeads(client, surroundings, trust, options.checkpoint);
    const { ranges, failures: unexplained } = await retiredRanges(client, options.archive ?? archiveFolderOf(surroundings));
    const report = await readAll(client, heads, options.minimumIndex, ranges);
    const facts = {
      events: report.size.toString(),
      root: toHex(report.root),
      comparedWith: heads.map(({ name, size }) => `${name} (${size})`),
      ...unfinishedFacts(ranges),
    };
    return { verified: 'database', failures: [...failures, ...unexplained, ...report.failures], facts };
  } finally {
    await client.end();
  }
};

const addressOf = async ({ env, cwd }: Surroundings, given: string | true): Promise<string> => {
  const named = given === true ? env['DATABASE_URL'] : given;
  if (named) return named;
  const { home, postgresPort } = readSettings(env, cwd);
  const file = join(home, 'postgres.password');
  if (!existsSync(file))
    throw usage('NO_DATABASE', `name the database: --database postgres://…, DATABASE_URL, or MANDATE_HOME (no ${file})`);
  const port = env['MANDATE_PG_PORT'] ? postgresPort : ((await runningPort(home)) ?? postgresPort);
  return `postgres://mandate:${(await readFile(file, 'utf8')).trim()}@127.0.0.1:${port}/mandate`;
};

/** PostgreSQL writes where it listens into its lock file, line 4: whoever started it may have chosen another port than this shell knows. */
const runningPort = async (home: string): Promise<number | null> => {
  const lock = await readFile(join(home, 'postgres/postmaster.pid'), 'utf8').catch(() => '');
  return Number(lock.split('\n')[3]) || null;
};

const connect = async (address: string): Promise<pg.Client> => {
  if (!URL.canParse(address)) throw usage('NO_DATABASE', 'the database’s address is none, as in postgres://user:password@host/database');
  const client = new pg.Client({ connectionString: address, application_name: 'mandate-audit-verify' });
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw unreachable(
      new URL(address).host,
      (error as Error).message,
      'is it there? Name another one with --database postgres://… or DATABASE_URL',
    );
  }
};

/** The last chunks are read in one snapshot with the head: a log that grows meanwhile is intact, and what lies behind its head is not. */
const readAll = async (client: pg.Client, heads: readonly KeptHead[], minimumIndex: number, retired: readonly RetiredRange[]) => {
  const start = await headOf(client);
  let head: typeof start | null = null;
  const kept = await firstPosition(client, minimumIndex);
  const verifier = new RowsVerifier(hasher, heads, await edgeBefore(client, kept));
  const step = TILES_A_QUERY * TILE_WIDTH;
  for (let from = kept - 1 - ((kept - 1) % TILE_WIDTH); ; from += step) {
    if (!head && from + step > Number(start.size)) {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      head = await headOf(client);
    }
    const { rows } = await client.query<Chunk>({ name: 'chunk', text: CHUNK, values: [from, from + step - TILE_WIDTH] });
    const found = new Map(rows.map((row) => [row.tile, rowsOf(row)]));
    const tiles = tilesOf(from, retired, [...found.keys()]);
    const signed = await signedTiles(client, tiles);
    for (const tile of tiles) {
      const first = BigInt(tile) * BigInt(TILE_WIDTH) + 1n;
      const hashes = signed.get(tile) ?? null;
      verifier.add(withRetired(found.get(tile) ?? [], hashes, first, BigInt(kept), retired), hashes, first);
    }
    for (const range of retired) range.found += countIn(range, [...found.values()].flat());
    if (head && rows.length === 0 && from >= Number(head.size)) {
      const outside = await rowsOutside(client, head.size);
      await client.query('COMMIT');
      const report = verifier.finish(head);
      return { ...report, failures: [...report.failures, ...retired.flatMap(missingOf), ...outside] };
    }
  }
};

/** Each an index range, and empty. */
const OUTSIDE = ['log_id < 1', 'log_id > 1', 'log_id = 1 AND position < 1', 'log_id = 1 AND position > $1::bigint']
  .map((range) => `(SELECT position FROM es.event WHERE ${range} ORDER BY log_id, position LIMIT 1)`)
  .join(' UNION ALL ');

/** Events that no tree covers, and that a reader of their stream might take for some of the log. */
const rowsOutside = async (client: pg.Client, size: bigint): Promise<Failure[]> => {
  const { rows } = await client.query<{ position: string }>(OUTSIDE, [size.toString()]);
  return rows.map(({ position }) => ({
    check: 'presence',
    at: 'es.event',
    position,
    reason: `the head of the log says ${size} events, and one is there that is none of them`,
  }));
};

/** Of the chunk behind position `from`: tiles with rows, and those that retention may have emptied; in order. */
const tilesOf = (from: number, retired: readonly RetiredRange[], found: readonly string[]): string[] => {
  const tiles = new Set(found);
  for (let tile = BigInt(from / TILE_WIDTH), i = 0; i < TILES_A_QUERY; i++, tile++) {
    const first = tile * BigInt(TILE_WIDTH) + 1n;
    if (retired.some((range) => range.from < first + BigInt(TILE_WIDTH) && range.to > first)) tiles.add(tile.toString());
  }
  return [...tiles].sort((a, b) => Number(BigInt(a) - BigInt(b)));
};

/** The rows of a tile, and in between, where retention dropped events from position `kept` on, their leaves from the signed tree. */
const withRetired = (
  rows: readonly LogRow[],
  signed: Buffer | null,
  first: bigint,
  kept: bigint,
  retired: readonly RetiredRange[],
): (LogRow | RetiredRow)[] => {
  if (!signed || !retired.some(({ from, to }) => from < first + BigInt(TILE_WIDTH) && to > first)) return [...rows];
  const at = new Map(rows.map((row) => [row.position, row]));
  const all: (LogRow | RetiredRow)[] = [];
  for (let i = 0; i < TILE_WIDTH; i++) {
    const position = first + BigInt(i);
    const row = at.get(position);
    const leafHash = signed.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
    const gone = position >= kept && leafHash.length > 0 && retired.some(({ from, to }) => position >= from && position < to);
    if (row) all.push(row);
    else if (gone) all.push({ position, leafHash });
  }
  return all;
};

const rowsOf = ({ canonical, leaves, columns }: Chunk): LogRow[] => {
  let at = 0;
  const records = Buffer.from(canonical, 'base64');
  return (JSON.parse(columns) as Columns[]).map(([position, bytes, tenant, streamType, streamId, version, type, schemaVersion], i) => {
    const row = {
      position: BigInt(position),
      canonical: records.subarray(at, at + bytes),
      leafHash: leaves.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
      columns: { tenant, streamType, streamId, version, type, schemaVersion },
    };
    at += bytes;
    return row;
  });
};

const headOf = async (client: pg.Client): Promise<{ size: bigint; root: Uint8Array }> => {
  const { rows } = await client.query<{ size: string; frontier: Buffer }>('SELECT size, frontier FROM es.log WHERE log_id = 1');
  const { size, frontier } = rows[0] ?? { size: '0', frontier: Buffer.alloc(0) };
  const subtrees = Array.from({ length: frontier.length / HASH_BYTES }, (_, i) => frontier.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  return { size: BigInt(size), root: hasher.fold(subtrees.reverse()) };
};

const firstPosition = async (client: pg.Client, minimumIndex: number): Promise<number> => {
  if (minimumIndex === 0) return 1;
  const { rows } = await client.query<{ first: string | null }>('SELECT min(position) AS first FROM es.event WHERE log_id = 1');
  return Math.min(Number(rows[0]?.first ?? 1), minimumIndex + 1);
};

/** The tree of what was dropped, from its tiles; a head that was kept elsewhere tells whether they are right. */
const edgeBefore = async (client: pg.Client, first: number): Promise<TreeEdge> => {
  const wanted = partialTiles(BigInt(first - 1));
  const tiles = new Map<string, Uint8Array>();
  for (const { tile } of wanted) {
    const { rows } = await client.query<{ hashes: Buffer }>('SELECT hashes FROM audit.log_tile WHERE level = $1 AND index = $2', [
      tile.level,
      tile.index.toString(),
    ]);
    tiles.set(tilePath(tile), rows[0]?.hashes ?? Buffer.alloc(0));
  }
  return TreeEdge.from(hasher, BigInt(first - 1), (tile) => tiles.get(tilePath(tile)) ?? Buffer.alloc(0));
};

const signedTiles = async (client: pg.Client, indexes: readonly string[]): Promise<Map<string, Buffer>> => {
  const { rows } = await client.query<{ index: string; hashes: Buffer }>({
    name: 'tiles',
    text: 'SELECT index, hashes FROM audit.log_tile WHERE level = 0 AND index = ANY ($1::bigint[])',
    values: [indexes],
  });
  return new Map(rows.map(({ index, hashes }) => [index, hashes]));
};
