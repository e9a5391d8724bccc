import { DelegationEntity } from './delegation.entity.js';
import { DelegationList1763870400000 } from './migrations/1763870400000-delegation-list.js';

export { projectDelegations, type Query } from './delegation-rows.js';
export type { ListedEvent } from './delegation-row.js';
export { listDelegations } from './list-delegations.js';

/** For the service's TypeORM data source. */
export const READ_MODEL_ENTITIES = [DelegationEntity];
export const READ_MODEL_MIGRATIONS = [DelegationList1763870400000];
