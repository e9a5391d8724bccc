/** The rows of `LearningRows` for whoever may learn from a tenant's delegations: twice through the log, once to see which names are shared. */
import { LearningRows, SharedNames, type Finished, type SeenEvent } from '@mandate/audit-trail';
import type { EventStore } from '@mandate/event-store';
import type { Caller } from '@mandate/service-host';
import { LearningApi } from '../http/index.js';
import type { LoggedRecord, LogReader } from '../log/log-reader.js';
import type { OwnEvents } from '../own-events.js';

const CHUNK = 500;
const STREAM = 'exports';

export class LearningExport extends LearningApi {
  constructor(
    private readonly store: EventStore,
    private readonly log: LogReader,
    private readonly ownEvents: OwnEvents,
  ) {
    super();
  }

  async begin(caller: Caller): Promise<(signal: AbortSignal) => AsyncIterable<string>> {
    const { size } = await this.store.head();
    await this.ownEvents.record(caller, STREAM, {
      type: 'exported',
      data: { format: 'learning', filter: {}, after: 0, size, follow: false },
    });
    return (signal) => this.text(caller.tenant, size, signal);
  }

  private async *text(tenant: string, size: number, signal: AbortSignal): AsyncGenerator<string> {
    const names = new SharedNames();
    for await (const finished of this.finished(tenant, size, signal)) names.see(finished);
    for await (const finished of this.finished(tenant, size, signal)) yield `${JSON.stringify(names.anonymous(finished))}\n`;
  }

  private async *finished(tenant: string, size: number, signal: AbortSignal): AsyncGenerator<Finished> {
    const rows = new LearningRows();
    for (let first = 1; first <= size && !signal.aborted; first += CHUNK)
      for (const record of await this.log.chunk(first, Math.min(size, first + CHUNK - 1))) {
        const finished = record.envelope.tenant === tenant ? rows.see(seen(record)) : null;
        if (finished) yield finished;
      }
  }
}

const seen = ({ envelope: { type, stream, occurredAt, data } }: LoggedRecord): SeenEvent => ({
  type,
  stream: stream.id,
  at: Date.parse(occurredAt),
  data,
});
