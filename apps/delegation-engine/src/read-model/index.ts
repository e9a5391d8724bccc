export { migrateReadModel, openReadModel, READ_MODEL_ENTITIES, READ_MODEL_MIGRATIONS } from './data-source.js';
export { projectDelegations, type Query } from './delegation-rows.js';
export type { ListedEvent } from './delegation-row.js';
export { DELEGATION_LIST, rebuildDelegations } from './rebuild.js';
export { listEndedGraphs, type EndedDelegation } from './list-graphs.js';
export { listDelegations } from './list-delegations.js';
