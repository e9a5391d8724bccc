/** One small aggregate a tenant that every engine of a log keeps whole: read at the start, then within the time of an event from the bus. */
import { subjects } from '@mandate/contracts';
import type { Actor, EventStore, RecordedEvent, StreamId } from '@mandate/event-store';
import { AppError, timestamp, type Decider, type JsonObject } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import type { Logger } from '@mandate/service-host';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';

interface DomainEvent {
  type: string;
  at: number;
  data: object;
}

interface Known<State> {
  state: State;
  version: number;
}

export interface TenantAggregateOptions<Command, State, Event extends DomainEvent> {
  connection: NatsConnection;
  store: EventStore;
  logger: Logger;
  stream: StreamId;
  decider: Decider<Command, State, Event>;
  /** What a command is refused with when others are always faster. */
  busy: string;
  /** An event was folded, whoever decided it. */
  changed?: (tenant: string, event: Event) => void;
}

const PAGE = 500;
const ATTEMPTS = 10;

export class TenantAggregate<Command, State, Event extends DomainEvent> {
  private readonly known = new Map<string, Known<State>>();
  /** Whose news came but could not be read. */
  private readonly unread = new Set<string>();
  private allUnread = false;
  private readonly loading = new Map<string, Promise<void>>();
  private subscription: Subscription | undefined;

  constructor(private readonly options: TenantAggregateOptions<Command, State, Event>) {}

  of(tenant: string): State {
    return this.knownOf(tenant).state;
  }

  /** Of the tenants that have one. */
  *all(): Iterable<[tenant: string, state: State]> {
    for (const [tenant, { state }] of this.known) yield [tenant, state];
  }

  /** Listens first, so that nothing falls between the reading and the listening. */
  async start(): Promise<void> {
    const { connection, stream } = this.options;
    this.subscription = connection.subscribe(subjects.event('*', stream.type, stream.id), {
      callback: (error, message) => {
        if (!error) void this.catchUp(message.subject.split('.')[2] ?? '').catch(() => undefined); // told, and tried again
      },
    });
    await this.load();
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** Reads what is new in every tenant's stream. What fails is left to `readAgain`. */
  async load(): Promise<void> {
    this.allUnread = true;
    await this.loadAll();
    this.allUnread = false;
  }

  /** What could not be read before. Called every second: a change must not wait for the next one. */
  async readAgain(): Promise<void> {
    if (this.allUnread) return this.load();
    for (const tenant of [...this.unread]) {
      this.unread.delete(tenant);
      await this.catchUp(tenant);
    }
  }

  private async loadAll(): Promise<void> {
    let after: { tenant: string; id: string } | undefined;
    for (;;) {
      const rows = await this.options.store.streamsOfType(this.options.stream.type, PAGE, after);
      for (const { tenant } of rows) await this.catchUp(tenant);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = { tenant: last.tenant, id: last.stream.id };
    }
  }

  /** Decides and records; resolves to the state after it. Throws what the decider throws, and AppError with the code `busy`. */
  async command(tenant: string, command: Command, { actor, traceparent }: { actor: Actor; traceparent?: string }): Promise<State> {
    const { decider, store, stream } = this.options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.catchUp(tenant);
      const { state, version } = this.knownOf(tenant);
      const events = decider.decide(command, state);
      if (events.length === 0) return state;
      const result = await store.append({
        tenant,
        stream,
        expected: version === 0 ? 'no-stream' : version,
        events: events.map(({ type, at, data }) => ({
          type: this.prefix + `${type}.v1`,
          occurredAt: timestamp(at),
          data: data as JsonObject,
        })),
        actor,
        correlationId: stream.id,
        traceparent: continueTrace(traceparent),
      });
      if (!result.ok) continue;
      await this.catchUp(tenant);
      return this.of(tenant);
    }
    throw new AppError(this.options.busy, 'unavailable', `others change the same ${stream.type} just now: try again`);
  }

  private get prefix(): string {
    return `dev.mandate.${this.options.stream.type}.`;
  }

  private knownOf(tenant: string): Known<State> {
    return this.known.get(tenant) ?? { state: this.options.decider.initial, version: 0 };
  }

  /** One reading of a tenant at a time; who comes meanwhile waits for one more. */
  private async catchUp(tenant: string): Promise<void> {
    const { logger, stream } = this.options;
    const next = (this.loading.get(tenant) ?? Promise.resolve()).then(() => this.read(tenant));
    const settled = next.catch((error: unknown) => {
      this.unread.add(tenant);
      logger.warn({ error: String(error), tenant, aggregate: stream.type }, 'an aggregate could not be read; trying again within a second');
    });
    this.loading.set(tenant, settled);
    try {
      await next;
    } finally {
      if (this.loading.get(tenant) === settled) this.loading.delete(tenant);
    }
  }

  private async read(tenant: string): Promise<void> {
    const { store, stream, decider } = this.options;
    const { state, version } = this.knownOf(tenant);
    const recorded = await store.readStream({ tenant, stream, fromVersion: version + 1 });
    const last = recorded.at(-1);
    if (!last) return;
    const events = recorded.map((event) => this.domain(event));
    this.known.set(tenant, { state: events.reduce((folded, event) => decider.evolve(folded, event), state), version: last.version });
    for (const event of events) this.options.changed?.(tenant, event);
  }

  private domain({ type, occurredAt, data }: RecordedEvent): Event {
    return { type: type.slice(this.prefix.length).replace(/\.v\d+$/, ''), at: Date.parse(occurredAt), data } as unknown as Event;
  }
}
