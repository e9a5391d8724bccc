import { AuditExports, AuditSearch } from './audit-search.js';
import { EventsController } from './events.controller.js';
import { ExportController } from './export.controller.js';

export * from './audit-search.js';

export const HTTP_CONTROLLERS = [EventsController, ExportController];
/** What the controllers are given by the module, which the documentation's generator leaves empty. */
export const HTTP_PROVIDERS = [AuditSearch, AuditExports];
/** The prefixes that they own behind the gateway. */
export const HTTP_PREFIXES = ['/api/audit', '/api/compliance'];
