/** Reading events: of one stream, or of the whole log by position. */
import type { Database, Row } from './database.js';
import { decodePage, type Decoder } from './recorded-event.js';
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

/**
 * Rows of 50 events each, as JSON texts that are parsed as they arrive: twice as fast as a row an event, because rows are dear in the protocol, and as
 * one row for all, because then nothing would overlap.
 */
const page = (place: 'version' | 'position', events: string): string =>
  `SELECT '[' || string_agg(convert_from(p.canonical, 'UTF8'), ',' ORDER BY p.position) || ']' AS envelopes,
          '[' || string_agg(p.position::text, ',' ORDER BY p.position) || ']' AS positions,
          '[' || string_agg((date_part('epoch', p.recorded_at) * 1000)::bigint::text, ',' ORDER BY p.position) || ']' AS times
     FROM (SELECT version, position, recorded_at, canonical FROM es.event WHERE log_id = 1 AND ${events}) p
    GROUP BY p.${place} / 50 ORDER BY p.${place} / 50`;

const TEXT = 25;
const parsedOnArrival = { getTypeParser: (type: number) => (type === TEXT ? (text: string): unknown => JSON.parse(text) : String) };

/** The bounds in the stream's row let PostgreSQL leave the other partitions alone. */
const STREAM = {
  name: 'es_read_stream',
  types: parsedOnArrival,
  text: page(
    'version',
    `stream_id = $1 AND tenant = $2 AND stream_type = $3 AND version >= $4
            AND position >= (SELECT s.first_position FROM es.stream s WHERE s.id = $1 AND s.tenant = $2 AND s.type = $3)
            AND position <= (SELECT s.last_position FROM es.stream s WHERE s.id = $1 AND s.tenant = $2 AND s.type = $3)
          ORDER BY version LIMIT $5`,
  ),
};

const ALL = {
  name: 'es_read_all',
  types: parsedOnArrival,
  text: page(
    'position',
    'position > $1 AND position <= $2 AND ($3::text[] IS NULL OR type = ANY ($3)) AND ($4::text IS NULL OR tenant = $4) ORDER BY position',
  ),
};

const HEAD = { name: 'es_head', text: 'SELECT name, size, epoch, frontier FROM es.head()' };

const STORED_TYPES = { name: 'es_stored_types', text: 'SELECT type, schema_version FROM es.event_type' };

export const readStream = async (database: Database, decoder: Decoder, query: ReadStream): Promise<RecordedEvent[]> => {
  const { tenant, stream, fromVersion = 1, limit = null } = query;
  return decodePage(await database.query(STREAM, [stream.id, tenant, stream.type, fromVersion, limit]), decoder);
};

export const readAll = async (database: Database, decoder: Decoder, query: ReadAll): Promise<RecordedEvent[]> => {
  const { from, limit, types = null, tenant = null } = query;
  return decodePage(await database.query(ALL, [from, from + limit, types, tenant]), decoder);
};

export const readHead = async (database: Database): Promise<LogHead> => {
  const [row] = (await database.query(HEAD)) as [Row];
  return { name: row['name'] as string, size: Number(row['size']), epoch: Number(row['epoch']), frontier: row['frontier'] as Buffer };
};

export const storedTypes = async (database: Database): Promise<{ type: string; schemaVersion: number }[]> =>
  (await database.query(STORED_TYPES)).map((row) => ({ type: row['type'] as string, schemaVersion: row['schema_version'] as number }));
