import { AgentsController } from './agents.controller.js';
import { DeadLettersApi } from './dead-letters-api.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DelegationApi } from './delegation-api.js';
import { DelegationController } from './delegation.controller.js';
import { ReputationApi } from './reputation-api.js';
import { ReputationController } from './reputation.controller.js';
import { SchedulesApi } from './schedules-api.js';
import { SchedulesController } from './schedules.controller.js';
import { SchedulingApi } from './scheduling-api.js';
import { SchedulingController } from './scheduling.controller.js';
import { TemplatesController } from './templates.controller.js';

export * from './dead-letters-api.js';
export * from './delegation-api.js';
export * from './reputation-api.js';
export * from './schedules-api.js';
export * from './scheduling-api.js';

/** Named paths before those with an id in the same place. */
export const HTTP_CONTROLLERS = [
  DeadLettersController,
  SchedulesController,
  TemplatesController,
  DelegationController,
  AgentsController,
  SchedulingController,
  ReputationController,
];
/** What the controllers are given by the module. */
export const HTTP_PROVIDERS = [DeadLettersApi, SchedulesApi, DelegationApi, SchedulingApi, ReputationApi];
/** The prefixes that they own behind the gateway. */
export const HTTP_PREFIXES = ['/api/delegations', '/api/agents', '/api/scheduling'];
