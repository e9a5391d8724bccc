import { rebuildProjection, type EventStore } from '@mandate/event-store';
import { AppError } from '@mandate/kernel';
import { projectDelegationsInto } from './delegation-rows.js';

export const DELEGATION_LIST = 'delegation-list';

const LEASE = 'rebuild:delegation-list';
/** One that died is waited for no longer. */
const LEASE_MS = 10 * 60_000;
const BEGIN = { name: 'rm_begin_rebuild', text: 'SELECT rm.begin_delegation_rebuild()' };

/**
 * Projects the whole log into a table beside the list, and puts it in the list's place in one transaction. The list answers all the while, and is
 * followed on from there. Resolves to the position that it was made up to. Throws AppError `REBUILD_RUNS`.
 */
export const rebuildDelegations = async (store: EventStore, owner: string): Promise<number> => {
  if (!(await store.claimLease(LEASE, owner, LEASE_MS)))
    throw new AppError('REBUILD_RUNS', 'conflict', 'the list is being made anew already: wait for that');
  try {
    await store.database.query(BEGIN);
    await rebuildProjection({
      store,
      shadow: { name: `${DELEGATION_LIST}-rebuilt`, project: projectDelegationsInto('rm.delegation_rebuilt') },
      live: DELEGATION_LIST,
      swap: async (query) => void (await query('SELECT rm.swap_delegation_rebuild()', [])),
    });
    return (await store.head()).size;
  } finally {
    await store.releaseLease(LEASE, owner).catch(() => undefined);
  }
};
