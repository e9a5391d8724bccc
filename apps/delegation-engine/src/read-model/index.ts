export { migrateReadModel, openReadModel, READ_MODEL_ENTITIES, READ_MODEL_MIGRATIONS } from './data-source.js';
export { projectDelegations, type Query } from './delegation-rows.js';
export type { ListedEvent } from './delegation-row.js';
export { DELEGATION_LIST, rebuildDelegations, rebuildReputation, WORKER_REPUTATION } from './rebuild.js';
export { REPUTATION_EVENTS, type StandingRow } from './reputation-fold.js';
export { projectReputation } from './reputation-rows.js';
export { standingsBehind } from './list-standings.js';
export { listEndedGraphs, type EndedDelegation } from './list-graphs.js';
export { listDelegations } from './list-delegations.js';
