/** Which streams hold data of which data subject: found in the envelopes by PostgreSQL itself, so that nothing of them is moved. */
import type { Database, StreamId } from '@mandate/event-store';
import type { PoolClient } from 'pg';

/** Positions looked at in one transaction: a fraction of a second. */
const CHUNK = 20_000;

/** In canonical JSON the mark cannot stand within a text, where its quotes would be escaped; what it finds is read exactly all the same. */
const ADD = `
  INSERT INTO audit.subject_stream (tenant, subject, stream_type, stream_id, position)
  SELECT tenant, decode(subject, 'hex'), stream_type, stream_id, min(position) FROM (
    SELECT e.tenant, e.stream_type, e.stream_id, e.position, convert_from(e.canonical, 'UTF8')::json #>> '{personal,place,subject}' AS subject
      FROM es.event e
     WHERE e.log_id = 1 AND e.position BETWEEN $1 AND $2 AND position('"place":{"subject":"'::bytea IN e.canonical) > 0) found
   WHERE subject IS NOT NULL
   GROUP BY tenant, subject, stream_type, stream_id
  ON CONFLICT DO NOTHING`;
const ADD_FOUND = `
  INSERT INTO audit.subject_stream (tenant, subject, stream_type, stream_id, position)
  SELECT tenant, decode(subject, 'hex'), stream_type, stream_id, position
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) AS found(tenant, subject, stream_type, stream_id, position)
  ON CONFLICT DO NOTHING`;
const COME = 'SELECT position FROM audit.subject_index FOR UPDATE';
const GO_ON = 'UPDATE audit.subject_index SET position = $1';
const STREAMS = {
  name: 'audit_streams_of_subject',
  text: `SELECT stream_id FROM audit.subject_stream
          WHERE tenant = $1 AND subject = $2 AND stream_type = 'delegation' AND position <= $3 ORDER BY stream_id`,
};

/** An event with data of a subject. */
export interface SubjectEvent {
  tenant: string;
  /** The blind index, in hex. */
  subject: string;
  resource: StreamId;
  position: number;
}

export class SubjectIndex {
  constructor(private readonly database: Database) {}

  /** Looks at what was appended up to `size` since the last time. */
  async catchUp(size: number): Promise<void> {
    while (await this.step(size));
  }

  /** One chunk; true when there is more. */
  private step(size: number): Promise<boolean> {
    return this.database.transaction(
      async (client) => {
        const { rows } = await client.query<{ position: string }>(COME);
        const from = Number(rows[0]?.position);
        const to = Math.min(size, from + CHUNK);
        if (to <= from) return false;
        await client.query(ADD, [from + 1, to]);
        await client.query(GO_ON, [to]);
        return to < size;
      },
      { durable: false },
    );
  }

  /**
   * Takes what somebody found who read all events from `first` to `last` for another reason, so that they are not looked at again. Does nothing while
   * earlier ones have not been looked at: `catchUp` does that, and these with them.
   */
  async take(client: PoolClient, first: number, last: number, found: readonly SubjectEvent[]): Promise<void> {
    const { rows } = await client.query<{ position: string }>(COME);
    const position = Number(rows[0]?.position);
    if (position < first - 1 || position >= last) return;
    const streams = [
      ...new Map(found.toReversed().map((one) => [`${one.tenant}/${one.subject}/${one.resource.type}/${one.resource.id}`, one])).values(),
    ];
    if (streams.length > 0)
      await client.query(ADD_FOUND, [
        streams.map(({ tenant }) => tenant),
        streams.map(({ subject }) => subject),
        streams.map(({ resource }) => resource.type),
        streams.map(({ resource }) => resource.id),
        streams.map((one) => one.position),
      ]);
    await client.query(GO_ON, [last]);
  }

  /** Delegations of `subject` that began at or before the position. */
  async delegationsOf(tenant: string, subject: Buffer, upTo: number): Promise<string[]> {
    return (await this.database.query(STREAMS, [tenant, subject, upTo])).map((row) => row['stream_id'] as string);
  }
}
