/** What retention dropped, as the log itself tells it: who drops events without saying so there is caught. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { linesOf, sameBytes, TILE_WIDTH, tileNode, utf8, type Failure, type LogRow } from '@mandate/audit-log';
import type pg from 'pg';
import { hasher } from './trust.js';

export interface RetiredRange {
  /** First position, and the first behind the last. */
  from: bigint;
  to: bigint;
  /** Events that retention left there; null where it broke off before it said so. */
  kept: number | null;
  /** Those that are there. */
  found: number;
}

interface Told {
  type: string;
  data: { from: number; to: number; events: number; kept?: number; archive?: { file: string; sha256: string } };
}

const TOLD = `SELECT convert_from(canonical, 'UTF8') AS canonical FROM es.event
  WHERE log_id = 1 AND stream_type = 'retention' AND stream_id = 'log' AND type LIKE 'dev.mandate.retention.%' ORDER BY position`;

/** A range that was begun and not ended counts only when its archive, in `folder`, holds every leaf of the signed tree. */
export const retiredRanges = async (client: pg.Client, folder: string): Promise<{ ranges: RetiredRange[]; failures: Failure[] }> => {
  const { rows } = await client.query<{ canonical: string }>(TOLD);
  const ranges = new Map<number, RetiredRange>();
  const archives = new Map<number, { file: string; sha256: string }>();
  const begun = new Map<number, Told['data']>();
  for (const { canonical } of rows) {
    const { type, data } = JSON.parse(canonical) as Told;
    const { from, to, kept = null, archive } = data;
    const what = type.split('.').at(-2);
    if (archive) archives.set(from, archive);
    if (what === 'retiring') begun.set(from, data);
    if (what === 'retired' || what === 'spared') begun.delete(from);
    if (what === 'retired') ranges.set(from, { from: BigInt(from), to: BigInt(to), kept, found: 0 });
  }
  const failures: Failure[] = [];
  for (const { from, to, events } of begun.values()) {
    if ((await countAt(client, from, to)) === events) continue; // nothing was dropped
    const reason = await archiveProblem(client, folder, { from, to }, archives.get(from));
    if (reason === null) ranges.set(from, { from: BigInt(from), to: BigInt(to), kept: null, found: 0 });
    else failures.push({ check: 'presence', at: 'es.event', position: String(from), reason });
  }
  return { ranges: [...ranges.values()], failures };
};

export const countIn = ({ from, to }: RetiredRange, rows: readonly LogRow[]): number =>
  rows.filter(({ position }) => position >= from && position < to).length;

export const missingOf = ({ from, to, kept, found }: RetiredRange): Failure[] =>
  kept === null || found === kept
    ? []
    : [
        {
          check: 'presence',
          at: 'es.event',
          position: from.toString(),
          reason: `of positions ${from} to ${to - 1n} retention kept ${kept} events, and ${found} are there`,
        },
      ];

/** Said, so that nobody takes it for the usual state of a log. */
export const unfinishedFacts = (ranges: readonly RetiredRange[]): { unfinished?: string[] } => {
  const open = ranges.filter(({ kept }) => kept === null);
  return open.length === 0
    ? {}
    : {
        unfinished: open.map(
          ({ from, to }) => `retention of ${from} to ${to - 1n} broke off; the archive has all of it; the service’s next start finishes it`,
        ),
      };
};

const countAt = async (client: pg.Client, from: number, to: number): Promise<number> => {
  const { rows } = await client.query<{ count: string }>(
    'SELECT count(*) AS count FROM es.event WHERE log_id = 1 AND position >= $1 AND position < $2',
    [from, to],
  );
  return Number(rows[0]?.count);
};

/** Why what is missing cannot be explained by the archive; null when it can. */
const archiveProblem = async (
  client: pg.Client,
  folder: string,
  { from, to }: { from: number; to: number },
  archive: { file: string; sha256: string } | undefined,
): Promise<string | null> => {
  const range = `retention of positions ${from} to ${to - 1} broke off`;
  if (!archive) return `${range}, and no archive is named`;
  const file = join(folder, archive.file);
  if (!existsSync(file)) return `${range}, and its archive ${archive.file} is not in ${folder}: name the folder with --archive`;
  const digest = createHash('sha256');
  const bytes = createReadStream(file);
  bytes.on('data', (chunk) => digest.update(chunk));
  const signed = new SignedLeaves(client);
  let position = from;
  try {
    for await (const line of linesOf(bytes.pipe(createGunzip()))) {
      const { position: at, canonical } = JSON.parse(line) as { position: number; canonical: string };
      if (at !== position || !sameBytes(hasher.leaf(utf8(canonical)), await signed.at(position)))
        return `${range}, and its archive does not hold what was signed at position ${position}`;
      position++;
    }
  } catch (error) {
    return `${range}, and its archive cannot be read: ${(error as Error).message}`;
  }
  if (position !== to) return `${range}, and its archive ends at position ${position - 1}`;
  return digest.digest('hex') === archive.sha256 ? null : `${range}, and its archive is another file than the one on record`;
};

/** Of the tree that was signed, a tile at a time. */
class SignedLeaves {
  private tile = -1;
  private hashes: Uint8Array = new Uint8Array();

  constructor(private readonly client: pg.Client) {}

  async at(position: number): Promise<Uint8Array> {
    const tile = Math.floor((position - 1) / TILE_WIDTH);
    if (tile !== this.tile) {
      const { rows } = await this.client.query<{ hashes: Buffer }>('SELECT hashes FROM audit.log_tile WHERE level = 0 AND index = $1', [
        tile,
      ]);
      this.hashes = rows[0]?.hashes ?? new Uint8Array();
      this.tile = tile;
    }
    return tileNode(this.hashes, (position - 1) % TILE_WIDTH);
  }
}
