/** What HTTP asks of the trail. */
import type { AuditEventView, Page } from '@mandate/contracts';
import type { Caller } from '@mandate/service-host';
import type { EventQuery } from './documents.js';

export type { EventQuery } from './documents.js';

export abstract class AuditSearch {
  /** Newest first. A page may be short, even empty, and still name a next one: that is how far one call looked. */
  abstract events(caller: Caller, query: EventQuery): Promise<Page<AuditEventView>>;
}
