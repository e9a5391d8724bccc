import { AuditLog } from './audit-log.js';
import { AuditExports, AuditSearch } from './audit-search.js';
import { ErasureApi } from './erasure-api.js';
import { ErasuresController } from './erasures.controller.js';
import { EventsController } from './events.controller.js';
import { ExportController } from './export.controller.js';
import { LearningApi } from './learning-api.js';
import { LearningController } from './learning.controller.js';
import { LogController } from './log.controller.js';
import { ReplayApi } from './replay-api.js';
import { ReplayController } from './replay.controller.js';
import { ReceiptsController } from './receipts.controller.js';
import { RetentionApi } from './retention-api.js';
import { RetentionController } from './retention.controller.js';

export * from './audit-log.js';
export * from './audit-search.js';
export * from './erasure-api.js';
export * from './learning-api.js';
export * from './retention-api.js';
export * from './replay-api.js';

export const HTTP_CONTROLLERS = [
  EventsController,
  ExportController,
  ErasuresController,
  RetentionController,
  LearningController,
  LogController,
  ReceiptsController,
  ReplayController,
];
/** What the controllers are given by the module, which the documentation's generator leaves empty. */
export const HTTP_PROVIDERS = [AuditSearch, AuditExports, ErasureApi, RetentionApi, LearningApi, AuditLog, ReplayApi];
/** The prefixes that they own behind the gateway. */
export const HTTP_PREFIXES = ['/api/audit', '/api/compliance'];
