import { AgentsController } from './agents.controller.js';
import { DelegationController } from './delegation.controller.js';

export * from './delegation-api.js';

/** Routes over whatever the module provides as `DelegationApi`. */
export const HTTP_CONTROLLERS = [DelegationController, AgentsController];
/** The prefixes that they own behind the gateway. */
export const HTTP_PREFIXES = ['/api/delegations', '/api/agents'];
