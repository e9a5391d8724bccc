/** What HTTP asks of the trail. */
import type { AuditEventView, Page } from '@mandate/contracts';
import type { Caller } from '@mandate/service-host';
import type { EventQuery } from './documents.js';

export { OUTCOMES, type EventFilter, type EventQuery } from './documents.js';

export abstract class AuditSearch {
  /** Newest first. */
  abstract events(caller: Caller, query: EventQuery): Promise<Page<AuditEventView>>;
}
