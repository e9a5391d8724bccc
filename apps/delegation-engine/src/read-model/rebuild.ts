import { rebuildProjection, type EventStore, type Projection } from '@mandate/event-store';
import { AppError } from '@mandate/kernel';
import { projectDelegationsInto } from './delegation-rows.js';
import { REPUTATION_EVENTS } from './reputation-fold.js';
import { projectReputationInto } from './reputation-rows.js';

export const DELEGATION_LIST = 'delegation-list';
export const WORKER_REPUTATION = 'worker-reputation';

/** One that died is waited for no longer. */
const LEASE_MS = 10 * 60_000;

interface Rebuildable {
  live: string;
  shadow: Projection;
  /** Functions of the owner: services may not make tables. */
  begin: string;
  swap: string;
}

const LIST: Rebuildable = {
  live: DELEGATION_LIST,
  shadow: { name: `${DELEGATION_LIST}-rebuilt`, project: projectDelegationsInto('rm.delegation_rebuilt') },
  begin: 'rm.begin_delegation_rebuild()',
  swap: 'rm.swap_delegation_rebuild()',
};

const REPUTATION: Rebuildable = {
  live: WORKER_REPUTATION,
  shadow: { name: `${WORKER_REPUTATION}-rebuilt`, types: REPUTATION_EVENTS, project: projectReputationInto('_rebuilt') },
  begin: 'rm.begin_reputation_rebuild()',
  swap: 'rm.swap_reputation_rebuild()',
};

/**
 * Projects the whole log into tables beside the live ones, and puts them in their place in one transaction. The live ones answer all the while, and
 * are followed on from there. Resolves to the position that they were made up to. Throws AppError `REBUILD_RUNS`.
 */
const rebuild =
  ({ live, shadow, begin, swap }: Rebuildable) =>
  async (store: EventStore, owner: string): Promise<number> => {
    const lease = `rebuild:${live}`;
    if (!(await store.claimLease(lease, owner, LEASE_MS)))
      throw new AppError('REBUILD_RUNS', 'conflict', 'it is being made anew already: wait for that');
    try {
      await store.database.query({ name: `rm_begin_${live.replace('-', '_')}`, text: `SELECT ${begin}` });
      await rebuildProjection({ store, shadow, live, swap: async (query) => void (await query(`SELECT ${swap}`, [])) });
      return (await store.head()).size;
    } finally {
      await store.releaseLease(lease, owner).catch(() => undefined);
    }
  };

export const rebuildDelegations = rebuild(LIST);
export const rebuildReputation = rebuild(REPUTATION);
