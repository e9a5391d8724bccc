/** The trail by position: whole audit records with what the log assigned, in chunks, so that no snapshot is held for long. */
import type { AuditEventView } from '@mandate/contracts';
import { publicData, type Database, type Envelope, type Row } from '@mandate/event-store';
import { traceIdOf } from '@mandate/messaging';

export interface LoggedRecord {
  position: number;
  recordedAt: string;
  /** SHA-256 of 0x00 and the canonical bytes. */
  leafHash: Buffer;
  envelope: Envelope;
}

/** The bounds of a chunk are in the statement's own hands: partitions that have none of it are left alone. */
const CHUNK = {
  name: 'audit_chunk',
  text: `SELECT position, recorded_at, leaf_hash, convert_from(canonical, 'UTF8') AS canonical FROM es.event
          WHERE log_id = 1 AND position BETWEEN $1::bigint AND $2::bigint ORDER BY position`,
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

const logged = (row: Row): LoggedRecord => ({
  position: Number(row['position']),
  recordedAt: (row['recorded_at'] as Date).toISOString(),
  leafHash: row['leaf_hash'] as Buffer,
  envelope: JSON.parse(row['canonical'] as string) as Envelope,
});

export const auditView = ({ position, recordedAt, leafHash, envelope }: LoggedRecord): AuditEventView => {
  const { id, tenant, stream, version, type, schemaVersion, occurredAt, actor, correlationId, outcome, where, data } = envelope;
  const { causationId, reason, traceparent, personal } = envelope;
  const traceId = traceparent === undefined ? undefined : traceIdOf(traceparent);
  return {
    position,
    id,
    tenant,
    action: type,
    schemaVersion,
    resource: { type: stream.type, id: stream.id, version },
    actor,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    occurredAt,
    recordedAt,
    correlationId,
    ...(causationId === undefined ? {} : { causationId }),
    ...(traceId === undefined ? {} : { traceId }),
    where,
    data: publicData({ data, personalFields: personal?.fields ?? [], stream, id }),
    leafHash: leafHash.toString('hex'),
  };
};
