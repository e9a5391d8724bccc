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

/** The third part: of events that were recorded before there was this index. All in one statement: what is folded meanwhile is found before or after. */
const FIND = {
  name: 'audit_places',
  text: `SELECT run, NULL::bigint AS segment, NULL::bigint AS position, entries FROM audit.place WHERE bucket = $1 AND position($2::bytea IN entries) > 0
         UNION ALL SELECT NULL, segment, NULL, ids FROM audit.segment WHERE ids IS NOT NULL AND position($3::bytea IN ids) > 0
         UNION ALL SELECT NULL, NULL, position, NULL FROM audit.event_place WHERE id = $4::bigint`,
};

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

/** Positions at which an event with the id may stand, among what is indexed. */
export const placesOf = async (database: Database, id: string): Promise<number[]> => {
  const prefix = Buffer.from(prefixOf(id));
  const places: number[] = [];
  for (const row of await database.query(FIND, [prefix[0], prefix.subarray(1), prefix, idNumber(id)])) {
    const bytes = row['entries'] as Buffer;
    if (row['run'] !== null)
      for (const offset of offsetsInBucket(bytes, prefix)) places.push(firstOf(firstSegmentOf(Number(row['run']))) + offset);
    else if (row['segment'] !== null) for (const offset of offsetsIn(bytes, prefix)) places.push(firstOf(Number(row['segment'])) + offset);
    else places.push(Number(row['position']));
  }
  return places;
};

/** The first 64 bits, as PostgreSQL counts. */
const idNumber = (id: string): string => Buffer.from(decode128(id)).readBigInt64BE().toString();
