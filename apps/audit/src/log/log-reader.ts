/** The trail by position: whole audit records with what the log assigned, in chunks, so that no snapshot is held for long. */
import { viewOfRecord, type LoggedSearchable } from '@mandate/audit-trail';
import { traceIdOf, type AuditEventView } from '@mandate/contracts';
import { unreadableRecord, type Database, type Envelope, type Row, type StreamId } from '@mandate/event-store';

/** What an event is indexed by. */
export interface IndexedEvent extends LoggedSearchable {
  resource: StreamId;
  /** The blind index, in hex, of the data subject that a key of its own protects. */
  subject?: string;
}

export interface LoggedRecord {
  position: number;
  recordedAt: string;
  /** SHA-256 of 0x00 and the canonical bytes. */
  leafHash: Buffer;
  /** RFC 8785 JSON of the envelope: exactly what is hashed. */
  canonical: string;
  envelope: Envelope;
}

/** The bounds of a chunk are in the statement's own hands: partitions that have none of it are left alone. */
const CHUNK = {
  name: 'audit_chunk',
  text: `SELECT position, recorded_at, leaf_hash, convert_from(canonical, 'UTF8') AS canonical FROM es.event
          WHERE log_id = 1 AND position BETWEEN $1::bigint AND $2::bigint ORDER BY position`,
};
/** One row for all: rows are dear in the protocol. Canonical JSON holds no line break. */
const INDEXED = {
  name: 'audit_indexed',
  text: `SELECT array_to_json(array_agg(position)) AS positions, convert_from(string_agg(canonical, '\\x0a'::bytea), 'UTF8') AS envelopes FROM
           (SELECT position, canonical FROM es.event WHERE log_id = 1 AND position BETWEEN $1::bigint AND $2::bigint ORDER BY position) e`,
};
const AT = {
  name: 'audit_at',
  text: `SELECT position, recorded_at, leaf_hash, convert_from(canonical, 'UTF8') AS canonical FROM es.event
          WHERE log_id = 1 AND position = ANY ($1::bigint[]) ORDER BY position`,
};
const OF_STREAM = {
  name: 'audit_of_stream',
  text: `SELECT position, recorded_at, leaf_hash, convert_from(canonical, 'UTF8') AS canonical FROM es.event
          WHERE stream_id = $1 AND tenant = $2 AND stream_type = $3 AND log_id = 1 AND position BETWEEN $4::bigint AND $5::bigint
            AND position BETWEEN (SELECT s.first_position FROM es.stream s WHERE s.id = $1 AND s.tenant = $2 AND s.type = $3)
                             AND (SELECT s.last_position FROM es.stream s WHERE s.id = $1 AND s.tenant = $2 AND s.type = $3)
          ORDER BY version DESC LIMIT $6`,
};
const FIRST_SINCE = {
  name: 'audit_first_since',
  text: `SELECT recorded_at FROM es.event WHERE log_id = 1 AND position >= $1::bigint ORDER BY position LIMIT 1`,
};

export class LogReader {
  constructor(private readonly database: Database) {}

  /** Records of the positions from `first` to `last`, in order. */
  async chunk(first: number, last: number): Promise<LoggedRecord[]> {
    return (await this.database.query(CHUNK, [first, last])).map(logged);
  }

  /** What the events of the positions from `first` to `last` are indexed by: half the cost of whole records. */
  async indexed(first: number, last: number): Promise<Iterable<IndexedEvent>> {
    const [row] = await this.database.query(INDEXED, [first, last]);
    const positions = (row?.['positions'] ?? []) as number[];
    return indexedEvents(positions.length > 0 ? (row?.['envelopes'] as string).split('\n') : [], positions);
  }

  /** Records at these positions, in order. */
  async at(positions: readonly number[]): Promise<LoggedRecord[]> {
    return positions.length === 0 ? [] : (await this.database.query(AT, [positions])).map(logged);
  }

  /** Records of one aggregate, newest first. */
  async ofStream(tenant: string, { type, id }: StreamId, first: number, last: number, limit: number): Promise<LoggedRecord[]> {
    return (await this.database.query(OF_STREAM, [id, tenant, type, first, last, limit])).map(logged);
  }

  /**
   * The first position recorded at or after `time`, between 1 and `size` + 1. Times of recording never fall behind by more than the clocks
   * of two servers differ after a failover, so halving finds it in some twenty probes.
   */
  async firstSince(time: Date, size: number): Promise<number> {
    let low = 1;
    let high = size + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [row] = await this.database.query(FIRST_SINCE, [middle]);
      if (!row || (row['recorded_at'] as Date) >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** One after the other: what is gone before the next one is parsed costs nothing to collect. */
function* indexedEvents(envelopes: readonly string[], positions: readonly number[]): Generator<IndexedEvent> {
  for (let i = 0; i < envelopes.length; i++) {
    const envelope = envelopeIn(envelopes[i] as string, positions[i]);
    const { id, tenant, stream, type, actor, outcome, reason, traceparent, where, data, personal } = envelope;
    yield {
      position: positions[i] as number,
      id,
      tenant,
      action: type,
      resource: stream,
      actor,
      outcome,
      where,
      data,
      ...(reason === undefined ? {} : { reason }),
      ...(traceparent === undefined ? {} : { traceId: traceIdOf(traceparent) }),
      ...(typeof personal?.place === 'object' ? { subject: personal.place.subject } : {}),
    };
  }
}

const logged = (row: Row): LoggedRecord => ({
  position: Number(row['position']),
  recordedAt: (row['recorded_at'] as Date).toISOString(),
  leafHash: row['leaf_hash'] as Buffer,
  canonical: row['canonical'] as string,
  envelope: envelopeIn(row['canonical'] as string, row['position'] as string),
});

/** Throws AppError `RECORD_UNREADABLE`. */
const envelopeIn = (canonical: string, position: number | string | undefined): Envelope => {
  try {
    return JSON.parse(canonical) as Envelope;
  } catch (error) {
    throw unreadableRecord(error, position);
  }
};

export const auditView = ({ position, recordedAt, leafHash, envelope }: LoggedRecord): AuditEventView =>
  viewOfRecord(envelope, { position, recordedAt, leafHash: leafHash.toString('hex') });
