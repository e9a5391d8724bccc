/** Which streams hold data of which data subject: found in the envelopes by PostgreSQL itself, so that nothing of them is moved. */
import type { Database } from '@mandate/event-store';

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
const STREAMS = {
  name: 'audit_streams_of_subject',
  text: `SELECT stream_id FROM audit.subject_stream
          WHERE tenant = $1 AND subject = $2 AND stream_type = 'delegation' AND position <= $3 ORDER BY stream_id`,
};

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
        const { rows } = await client.query<{ position: string }>('SELECT position FROM audit.subject_index FOR UPDATE');
        const from = Number(rows[0]?.position);
        const to = Math.min(size, from + CHUNK);
        if (to <= from) return false;
        await client.query(ADD, [from + 1, to]);
        await client.query('UPDATE audit.subject_index SET position = $1', [to]);
        return to < size;
      },
      { durable: false },
    );
  }

  /** Delegations of `subject` that began at or before the position. */
  async delegationsOf(tenant: string, subject: Buffer, upTo: number): Promise<string[]> {
    return (await this.database.query(STREAMS, [tenant, subject, upTo])).map((row) => row['stream_id'] as string);
  }
}
