/** Partitions of the log as retention sees them. */
import type { Database, Queries, Row } from './database.js';

export interface Partition {
  /** First position, and the first behind the last. */
  from: number;
  to: number;
  /** Since then it holds only events of what was not over. */
  retiredAt: Date | null;
  /** Behind which position its delegations were not over then. */
  line: number | null;
}

const PARTITIONS = {
  name: 'es_partitions',
  text: `SELECT from_position, to_position, retired_at, substring(name FROM '_kept_([0-9]+)$') AS line FROM es.event_partition ORDER BY from_position`,
};
const NEWEST = {
  name: 'es_newest_of_partition',
  text: 'SELECT recorded_at FROM es.event WHERE log_id = 1 AND position >= $1 AND position < $2 ORDER BY position DESC LIMIT 1',
};
const OVER = {
  name: 'es_anything_over',
  text: `SELECT EXISTS (SELECT FROM es.event e JOIN es.stream s ON s.id = e.stream_id AND s.tenant = e.tenant AND s.type = e.stream_type
          WHERE e.log_id = 1 AND e.position >= $1 AND e.position < $2 AND s.type = 'delegation' AND NOT s.open AND s.last_position < $3) AS over`,
};
const COUNT = {
  name: 'es_count_of_partition',
  text: 'SELECT count(*) AS events FROM es.event WHERE log_id = 1 AND position >= $1 AND position < $2',
};
const RETIRE = { name: 'es_retire_partition', text: 'SELECT events, kept FROM es.retire_partition($1, $2)' };
const REMOVE = { name: 'es_remove_dead_letters_before', text: 'SELECT es.remove_dead_letters_before($1) AS removed' };

/** It goes through every row of the partition, twice. */
const RETIRE_TIMEOUT_MS = 600_000;

/** In the order of the log. */
export const partitionsOf = async (database: Queries): Promise<Partition[]> =>
  (await database.query(PARTITIONS)).map((row) => ({
    from: Number(row['from_position']),
    to: Number(row['to_position']),
    retiredAt: row['retired_at'] as Date | null,
    line: row['line'] === null ? null : Number(row['line']),
  }));

/** When its last event was recorded; null when it has none. */
export const newestOf = async (database: Database, { from, to }: Partition): Promise<Date | null> =>
  ((await database.query(NEWEST, [from, to]))[0]?.['recorded_at'] as Date | undefined) ?? null;

/** Whether it holds events of delegations that ended before `line`. */
export const holdsOver = async (database: Database, { from, to }: Partition, line: number): Promise<boolean> =>
  ((await database.query(OVER, [from, to, line], RETIRE_TIMEOUT_MS)) as [Row])[0]['over'] as boolean;

/** How many events it holds. */
export const eventsIn = async (database: Queries, { from, to }: Pick<Partition, 'from' | 'to'>): Promise<number> =>
  Number(((await database.query(COUNT, [from, to], RETIRE_TIMEOUT_MS)) as [Row])[0]['events']);

/**
 * Drops what of the partition belongs to delegations that ended before `line`, their keys with it. Throws AppError `STORE_UNAVAILABLE` when readers
 * are in the way for three seconds. Needs the rights of `mandate_audit`.
 */
export const retirePartition = async (database: Queries, from: number, line: number): Promise<{ events: number; kept: number }> => {
  const [row] = (await database.query(RETIRE, [from, line], RETIRE_TIMEOUT_MS)) as [Row];
  return { events: Number(row['events']), kept: Number(row['kept']) };
};

/** Of all tenants. Resolves to how many there were. */
export const removeDeadLettersBefore = async (database: Database, time: Date): Promise<number> =>
  ((await database.query(REMOVE, [time])) as [Row])[0]['removed'] as number;
