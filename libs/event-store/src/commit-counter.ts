/** A process counts what it was told is committed, and says so in the log itself: what the log holds can then be compared with it. */
import { timestamp, type Clock } from '@mandate/kernel';
import type { EventStore } from './event-store.js';
import type { RecordedEvent } from './types.js';

export const COUNTED = 'dev.mandate.audit.counted.v1';

export interface CommitCounterOptions {
  store: EventStore;
  /** Names the stream: one a process. */
  instance: string;
  clock: Clock;
}

export class CommitCounter {
  private events = 0;
  /** Of those, not this counter's own. */
  private others = 0;
  private refusals = 0;
  /** Everything counted lies behind `from` and up to `to`. */
  private from: number | null = null;
  private to = 0;
  private readonly forget: () => void;

  constructor(private readonly options: CommitCounterOptions) {
    this.forget = options.store.onCommitted((events) => this.count(events));
  }

  /** A refusal was answered, so it must be on record. */
  readonly refused = (): void => void this.refusals++;

  private count(events: readonly RecordedEvent[]): void {
    const [first] = events;
    if (!first) return;
    this.from ??= first.position - 1;
    this.events += events.length;
    this.others += events.filter(({ type }) => type !== COUNTED).length;
    this.to = events.at(-1)?.position ?? this.to;
  }

  /** Called every minute; with nothing to tell it tells nothing. What is not written now is told the next time. */
  async tell(): Promise<void> {
    if (this.others === 0 || this.from === null) return;
    const { store, instance, clock } = this.options;
    const told = { from: this.from, to: this.to, events: this.events, refusals: this.refusals };
    const others = this.others;
    const result = await store.append({
      tenant: 'default',
      stream: { type: 'audit', id: `counters-${instance}` },
      expected: 'any',
      events: [{ type: COUNTED, occurredAt: timestamp(clock.now()), data: told }],
      actor: { kind: 'service', id: instance },
      correlationId: `counters-${instance}`,
    });
    if (!result.ok) return;
    this.from = told.to;
    this.events -= told.events;
    this.others -= others;
    this.refusals -= told.refusals;
  }

  async stop(): Promise<void> {
    await this.tell().catch(() => undefined);
    this.forget();
  }
}
