import type { DataSource } from 'typeorm';
import type { StandingRow } from './reputation-fold.js';
import { standingRow } from './reputation-rows.js';

/** What changed behind a position of the log, oldest first. */
export const standingsBehind = async (readModel: DataSource, position: number): Promise<StandingRow[]> =>
  (
    await readModel.query<Record<string, unknown>[]>(
      'SELECT tenant, instance, capability, standing, position FROM rm.worker_reputation WHERE position > $1 ORDER BY position',
      [position],
    )
  ).map(standingRow);
