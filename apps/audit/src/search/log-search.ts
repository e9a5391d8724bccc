import type { AuditEventView, Page } from '@mandate/contracts';
import type { EventStore } from '@mandate/event-store';
import type { Caller } from '@mandate/service-host';
import { AuditSearch, type EventQuery } from '../http/index.js';
import { auditView, type LogReader } from '../log/log-reader.js';
import { matches } from './matches.js';

const CHUNK = 500;
/** How many positions one call looks at; then it answers with what it found and where to go on. */
const LOOKED_AT = 20_000;

/** Reads backwards from the newest event, or from where the cursor says. */
export class LogSearch extends AuditSearch {
  constructor(
    private readonly store: EventStore,
    private readonly log: LogReader,
  ) {
    super();
  }

  async events({ tenant }: Caller, query: EventQuery): Promise<Page<AuditEventView>> {
    const { size } = await this.store.head();
    const before = query.until === undefined ? size + 1 : await this.log.firstSince(new Date(query.until), size);
    const first = query.since === undefined ? 1 : await this.log.firstSince(new Date(query.since), size);
    let last = Math.min(before - 1, query.cursor === undefined ? size : Number(query.cursor) - 1);
    const stop = Math.max(first, last - LOOKED_AT + 1);
    const items: AuditEventView[] = [];
    while (last >= stop) {
      const from = Math.max(stop, last - CHUNK + 1);
      const found = (await this.log.chunk(from, last)).map(auditView).filter((event) => matches(event, { ...query, tenant }));
      for (const event of found.reverse()) {
        items.push(event);
        if (items.length === query.limit) return { items, nextCursor: event.position > first ? String(event.position) : null };
      }
      last = from - 1;
    }
    return { items, nextCursor: last >= first ? String(last + 1) : null };
  }
}
