/** Where an event with an id stands: beside each segment of the search index, folded into buckets when a run of segments is complete. */
import { bucketsOf, completesRun, firstOf, firstSegmentOf, offsetsIn, offsetsInBucket, prefixOf, runOf } from '@mandate/audit-trail';
import type { Database } from '@mandate/event-store';
import { decode128 } from '@mandate/kernel';
import type { PoolClient } from 'pg';

const OF_RUN = 'SELECT segment, ids FROM audit.segment WHERE segment BETWEEN $1 AND $2 AND ids IS NOT NULL';
const ADD = `INSERT INTO audit.place (bucket, run, entries)
  SELECT (n - 1)::smallint, $1::bigint, entries FROM unnest($2::bytea[]) WITH ORDINALITY AS b(entries, n) WHERE entries <> ''
  ON CONFLICT (bucket, run) DO UPDATE SET entries = excluded.entries`;
const FOLDED = 'UPDATE audit.segment SET ids = NULL WHERE segment BETWEEN $1 AND $2 AND ids IS NOT NULL';
const FORGET = 'DELETE FROM audit.place WHERE run < $1';

/**
 * The third part: of events that were recorded before there was this index. The last one: how far it has come. All in one statement: what is indexed or
 * folded meanwhile is found before or after.
 */
const FIND = {
  name: 'audit_places',
  text: `SELECT run, NULL::bigint AS segment, NULL::bigint AS position, entries FROM audit.place WHERE bucket = $1 AND position($2::bytea IN entries) > 0
         UNION ALL SELECT NULL, segment, NULL, ids FROM audit.segment WHERE ids IS NOT NULL AND position($3::bytea IN ids) > 0
         UNION ALL SELECT NULL, NULL, position, NULL FROM audit.event_place WHERE id = $4::bigint
         UNION ALL SELECT NULL, max(segment), NULL, NULL FROM audit.segment`,
};

export interface Places {
  /** At which an event with the id may stand: the record itself says whether it is. */
  positions: number[];
  /** The last position that is indexed. */
  indexedTo: number;
}

/** When `segment` is the last one of its run. */
export const foldRun = async (client: PoolClient, segment: number): Promise<void> => {
  if (!completesRun(segment)) return;
  const run = runOf(segment);
  const { rows } = await client.query<{ segment: string; ids: Buffer }>(OF_RUN, [firstSegmentOf(run), segment]);
  const buckets = bucketsOf(rows.map((row) => ({ segment: Number(row.segment), prefixes: row.ids })));
  await client.query(ADD, [run, buckets.map((entries) => Buffer.from(entries))]);
  await client.query(FOLDED, [firstSegmentOf(run), segment]);
};

/** Runs of which no segment is left from `segment` on. */
export const forgetRuns = async (client: PoolClient, segment: number): Promise<void> => {
  await client.query(FORGET, [runOf(segment)]);
};

export const placesOf = async (database: Database, id: string): Promise<Places> => {
  const prefix = Buffer.from(prefixOf(id));
  const places: Places = { positions: [], indexedTo: 0 };
  for (const row of await database.query(FIND, [prefix[0], prefix.subarray(1), prefix, idNumber(id)])) {
    const entries = row['entries'] as Buffer | null;
    const segment = row['segment'] === null ? null : Number(row['segment']);
    if (row['position'] !== null) places.positions.push(Number(row['position']));
    else if (!entries) places.indexedTo = segment === null ? 0 : firstOf(segment + 1) - 1;
    else if (segment !== null) places.positions.push(...offsetsIn(entries, prefix).map((offset) => firstOf(segment) + offset));
    else {
      const first = firstOf(firstSegmentOf(Number(row['run'])));
      places.positions.push(...offsetsInBucket(entries, prefix).map((offset) => first + offset));
    }
  }
  return places;
};

/** The first 64 bits, as PostgreSQL counts. */
const idNumber = (id: string): string => Buffer.from(decode128(id)).readBigInt64BE().toString();
