import { AgentsController } from './agents.controller.js';
import { DelegationController } from './delegation.controller.js';
import { SchedulingController } from './scheduling.controller.js';

export * from './delegation-api.js';
export * from './scheduling-api.js';

/** Routes over whatever the module provides as `DelegationApi` and `SchedulingApi`. */
export const HTTP_CONTROLLERS = [DelegationController, AgentsController, SchedulingController];
/** The prefixes that they own behind the gateway. */
export const HTTP_PREFIXES = ['/api/delegations', '/api/agents', '/api/scheduling'];
