/** Leases with epochs: who may write a partition, who grants slots, who publishes. */
import type { Database } from './database.js';

export interface OwnedPartition {
  partition: number;
  epoch: number;
}

const CLAIM_PARTITIONS = {
  name: 'es_claim_partitions',
  text: "SELECT partition, epoch FROM es.claim_partitions($1, $2 * interval '1 ms', $3)",
};
const RELEASE_PARTITIONS = { name: 'es_release_partitions', text: 'SELECT es.release_partitions($1)' };
const CLAIM_LEASE = { name: 'es_claim_lease', text: "SELECT es.claim_lease($1, $2, $3 * interval '1 ms', $4) AS epoch" };
const RELEASE_LEASE = { name: 'es_release_lease', text: 'SELECT es.release_lease($1, $2)' };

/**
 * Joins those who share the partitions, renews what `owner` holds, gives back what is above its share and takes what is free up to it.
 * Resolves to all that `owner` holds now. `owner` must be new for every start of a process. `wanted`: another share than an even one.
 */
export const claimPartitions = async (database: Database, owner: string, ttlMs: number, wanted?: number): Promise<OwnedPartition[]> =>
  (await database.query(CLAIM_PARTITIONS, [owner, ttlMs, wanted ?? null])).map((row) => ({
    partition: row['partition'] as number,
    epoch: Number(row['epoch']),
  }));

export const releasePartitions = async (database: Database, owner: string): Promise<void> => {
  await database.query(RELEASE_PARTITIONS, [owner]);
};

/** Takes or renews a named lease; null while another holds it. `raiseEpoch` voids what was done under the epoch held so far. */
export const claimLease = async (
  database: Database,
  name: string,
  owner: string,
  ttlMs: number,
  raiseEpoch = false,
): Promise<{ epoch: number } | null> => {
  const [row] = await database.query(CLAIM_LEASE, [name, owner, ttlMs, raiseEpoch]);
  const epoch = row?.['epoch'] as string | null | undefined;
  return epoch === null || epoch === undefined ? null : { epoch: Number(epoch) };
};

export const releaseLease = async (database: Database, name: string, owner: string): Promise<void> => {
  await database.query(RELEASE_LEASE, [name, owner]);
};
