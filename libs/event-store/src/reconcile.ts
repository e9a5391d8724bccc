import type { Database } from './database.js';
import type { PreparedEntry } from './prepare.js';

const STORED = {
  name: 'es_stored_events',
  text: `SELECT position, recorded_at, canonical FROM es.event
          WHERE log_id = 1 AND stream_id = $1 AND tenant = $2 AND stream_type = $3 AND version > $4 AND version <= $5 ORDER BY version`,
};

/** Where the very same events, byte for byte, stand in the log; null when others do. */
export const isStored = async (
  database: Database,
  { entry, expected, events }: PreparedEntry,
): Promise<{ firstPosition: number; recordedAt: string } | null> => {
  const { tenant, stream } = entry;
  const rows = await database.query(STORED, [stream.id, tenant, stream.type, expected, expected + events.length]);
  const same =
    rows.length === events.length && rows.every((row, i) => Buffer.from(events[i]?.canonical ?? '').equals(row['canonical'] as Buffer));
  return same ? { firstPosition: Number(rows[0]?.['position']), recordedAt: (rows[0]?.['recorded_at'] as Date).toISOString() } : null;
};
