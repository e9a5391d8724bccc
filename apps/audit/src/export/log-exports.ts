import { EXPORTERS } from '@mandate/audit-trail';
import { rootOfFrontier, sourceOf, type EventStore } from '@mandate/event-store';
import type { Caller } from '@mandate/service-host';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@mandate/kernel';
import { AuditExports, type EventFilter, type ExportHead, type ExportProofQuery, type ExportQuery } from '../http/index.js';
import { auditView } from '../log/log-reader.js';
import type { OwnEvents } from '../own-events.js';
import type { ExportProofs } from './export-proofs.js';
import { isIn, type LogSearch, type Scope } from '../search/log-search.js';
import type { WholeLog } from './whole-log.js';

const CHUNK = 500;
/** How often a reader who follows is told of what is new. */
const FOLLOW_MS = 1_000;
const STREAM = 'exports';

/** Reads the log forwards in chunks, each a statement of its own: a slow reader holds no snapshot. */
export class LogExports extends AuditExports {
  constructor(
    private readonly store: EventStore,
    private readonly log: WholeLog,
    private readonly search: LogSearch,
    private readonly ownEvents: OwnEvents,
    private readonly proofs: ExportProofs,
  ) {
    super();
  }

  async begin(caller: Caller, query: ExportQuery): Promise<{ head: ExportHead; text: (signal: AbortSignal) => AsyncIterable<string> }> {
    const { format, after = 0, follow, ...given } = query;
    const filter = filterOf(given);
    const scope = await this.search.scopeOf(caller.tenant, filter);
    const { name, size, epoch, frontier } = await this.store.head();
    await this.ownEvents.record(caller, STREAM, { type: 'exported', data: { format, filter, after, size, follow } });
    return {
      head: { source: sourceOf(name, epoch), size, root: rootOfFrontier(frontier).toString('hex') },
      text: (signal) => this.text({ ...scope, first: Math.max(scope.first, after + 1), last: Math.min(scope.last, size) }, query, signal),
    };
  }

  async proof(caller: Caller, query: ExportProofQuery): Promise<(signal: AbortSignal) => AsyncIterable<string>> {
    const { format, after = 0, size, ...given } = query;
    const head = await this.store.head();
    if (size > head.size) throw new AppError('BAD_SIZE', 'invalid', `the log has ${head.size} events`);
    const filter = filterOf(given);
    const scope = await this.search.scopeOf(caller.tenant, filter);
    const within = { ...scope, first: Math.max(scope.first, after + 1), last: Math.min(scope.last, size) };
    const text = await this.proofs.begin({ tenant: caller.tenant, format, filter, after, size }, within);
    await this.ownEvents.record(caller, STREAM, { type: 'exported', data: { format, filter, after, size, follow: false, proof: true } });
    return text;
  }

  private async *text(scope: Scope, { format, follow }: ExportQuery, signal: AbortSignal): AsyncGenerator<string> {
    const exporter = EXPORTERS[format];
    yield exporter.head;
    let { first, last } = scope;
    while (!signal.aborted) {
      for (; first <= last && !signal.aborted; first += CHUNK) {
        let text = '';
        for (const record of await this.log.chunk(first, Math.min(last, first + CHUNK - 1))) {
          const event = auditView(record);
          if (isIn(event, scope)) text += exporter.line({ event, canonical: record.canonical });
        }
        if (text !== '') yield text;
      }
      if (!follow) return;
      first = last + 1;
      await delay(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
      last = (await this.store.head()).size;
    }
  }
}

/** What was named. */
const filterOf = (given: EventFilter): { [name: string]: string } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
