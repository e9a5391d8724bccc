/** How far a subscription has come. A checkpoint moves only from where its mover saw it: one that was overtaken fails. */
import type { PoolClient } from 'pg';
import { AppError } from '@mandate/kernel';
import type { Database } from './database.js';

const READ = { name: 'es_checkpoint', text: 'SELECT position FROM es.checkpoint WHERE subscription = $1' };
const ENSURE = {
  name: 'es_checkpoint_ensure',
  text: 'INSERT INTO es.checkpoint (subscription, position) VALUES ($1, $2) ON CONFLICT DO NOTHING',
};
const MOVE = {
  name: 'es_checkpoint_move',
  text: 'UPDATE es.checkpoint SET position = $3, updated_at = now() WHERE subscription = $1 AND position = $2',
};
const SET = {
  name: 'es_checkpoint_set',
  text: 'INSERT INTO es.checkpoint (subscription, position) VALUES ($1, $2) ON CONFLICT (subscription) DO UPDATE SET position = excluded.position, updated_at = now()',
};

/** The position; a subscription that never ran starts at `initial`. */
export const checkpointOf = async (database: Database, subscription: string, initial = 0): Promise<number> => {
  const [row] = await database.query(READ, [subscription]);
  if (row) return Number(row['position']);
  await database.query(ENSURE, [subscription, initial]);
  const [made] = await database.query(READ, [subscription]);
  return Number(made?.['position']);
};

/** Inside the transaction of what was done up to `to`. Throws AppError `CHECKPOINT_MOVED` when another was there first: roll back. */
export const moveCheckpoint = async (client: PoolClient, subscription: string, from: number, to: number): Promise<void> => {
  const { rowCount } = await client.query({ ...MOVE, values: [subscription, from, to] });
  if (rowCount !== 1)
    throw new AppError('CHECKPOINT_MOVED', 'conflict', `${subscription} is no longer at position ${from}: another runner works on it`);
};

export const setCheckpoint = async (database: Database, subscription: string, position: number): Promise<void> => {
  await database.query(SET, [subscription, position]);
};
