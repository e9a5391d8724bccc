/** Reading events: of one stream, or of the whole log by position. */
import type { Database, Row, Statement } from './database.js';
import { EventsOnArrival, type Decoder } from './recorded-event.js';
import type { LogHead, RecordedEvent, StreamId } from './types.js';

export interface ReadStream {
  tenant: string;
  stream: StreamId;
  /** First version wanted; default 1. */
  fromVersion?: number;
  limit?: number;
  /** Opens personal data; `{erased: true}` stands where the key was destroyed. */
  decrypt?: boolean;
}

export interface ReadAll {
  /** The last position already seen: what comes after it is read. */
  from: number;
  /** How many positions are looked at, so how many events at most. */
  limit: number;
  types?: readonly string[];
  tenant?: string;
  decrypt?: boolean;
}

const PAGE = 50;

/**
 * Rows of 50 events each, parsed as they arrive: twice as fast as a row an event, because rows are dear in the protocol, and as
 * one row for all, because then nothing would overlap. Each page is an index range of its own, already in order: sorting the events costs more than
 * reading them.
 */
const pages = (from: string, to: string, step: string, events: string): string =>
  `SELECT page.* FROM generate_series(${from}, ${to}, ${PAGE}) AS start, LATERAL (
     SELECT array_agg(e.position) AS positions, array_agg((date_part('epoch', e.recorded_at) * 1000)::bigint) AS times,
            convert_from(string_agg(e.canonical, '\\x0a'::bytea), 'UTF8') AS envelopes
       FROM (SELECT position, recorded_at, canonical FROM es.event
              WHERE log_id = 1 AND ${step} >= start AND ${step} < start + ${PAGE} AND ${step} <= ${to} AND ${events} ORDER BY ${step}) e
     HAVING count(*) > 0) page`;

/** The bounds in the stream's row let PostgreSQL leave the other partitions alone. */
const ofStream = (column: string): string => `(SELECT s.${column} FROM es.stream s WHERE s.id = $1 AND s.tenant = $2 AND s.type = $3)`;

const STREAM = {
  name: 'es_read_stream',
  text: pages(
    '$4::bigint',
    `least($5::bigint, ${ofStream('version')})`,
    'version',
    `stream_id = $1 AND tenant = $2 AND stream_type = $3 AND position BETWEEN ${ofStream('first_position')} AND ${ofStream('last_position')}`,
  ),
};

const ALL = {
  name: 'es_read_all',
  text: pages(
    '$1::bigint',
    'least($2::bigint, (SELECT l.size FROM es.log l WHERE l.log_id = 1))',
    'position',
    '($3::text[] IS NULL OR type = ANY ($3)) AND ($4::text IS NULL OR tenant = $4)',
  ),
};

const HEAD = { name: 'es_head', text: 'SELECT name, size, epoch, frontier FROM es.head()' };

const STORED_TYPES = { name: 'es_stored_types', text: 'SELECT type, schema_version FROM es.event_type' };

export const readStream = (database: Database, decoder: Decoder, query: ReadStream): Promise<RecordedEvent[]> => {
  const { tenant, stream, fromVersion = 1, limit } = query;
  const last = limit === undefined ? null : fromVersion + limit - 1;
  return read(database, decoder, STREAM, [stream.id, tenant, stream.type, fromVersion, last]);
};

export const readAll = (database: Database, decoder: Decoder, query: ReadAll): Promise<RecordedEvent[]> => {
  const { from, limit, types = null, tenant = null } = query;
  return read(database, decoder, ALL, [from + 1, from + limit, types, tenant]);
};

const read = async (database: Database, decoder: Decoder, statement: Statement, values: readonly unknown[]): Promise<RecordedEvent[]> => {
  const arrival = new EventsOnArrival(decoder);
  await database.query({ ...statement, types: arrival.types }, values);
  return arrival.opened();
};

export const readHead = async (database: Database): Promise<LogHead> => {
  const [row] = (await database.query(HEAD)) as [Row];
  return { name: row['name'] as string, size: Number(row['size']), epoch: Number(row['epoch']), frontier: row['frontier'] as Buffer };
};

export const storedTypes = async (database: Database): Promise<{ type: string; schemaVersion: number }[]> =>
  (await database.query(STORED_TYPES)).map((row) => ({ type: row['type'] as string, schemaVersion: row['schema_version'] as number }));
