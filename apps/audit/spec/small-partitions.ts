/** Partitions of a few rows, as if the log had grown for weeks. */
import type pg from 'pg';

/** Of `rows` events each; `owner` is the database's. */
export const makeSmallPartitions = async (owner: pg.Client, rows: number): Promise<void> => {
  await owner.query('BEGIN');
  await owner.query('LOCK es.event');
  await owner.query('ALTER TABLE es.event DETACH PARTITION es.event_1');
  await owner.query('ALTER TABLE es.event_1 RENAME TO event_before');
  await owner.query('DELETE FROM es.event_partition');
  await owner.query(`SELECT es.ensure_event_partitions(${rows})`);
  await owner.query('INSERT INTO es.event SELECT * FROM es.event_before');
  await owner.query('DROP TABLE es.event_before');
  await owner.query('COMMIT');
};
