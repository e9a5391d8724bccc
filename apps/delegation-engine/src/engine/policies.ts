/** The tenants' policies as every engine of a log knows them: from their streams at the start, from the bus within the time of an event. */
import { subjects } from '@mandate/contracts';
import type { Actor, EventStore, RecordedEvent } from '@mandate/event-store';
import { AppError, timestamp, type JsonObject } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import {
  decidePolicy,
  evolvePolicy,
  OPEN_POLICY,
  POLICY_EVENT_PREFIX,
  policyEventName,
  type Policy,
  type PolicyCommand,
  type PolicyEvent,
} from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';

interface Known {
  policy: Policy;
  version: number;
}

export interface PoliciesOptions {
  connection: NatsConnection;
  store: EventStore;
  logger: Logger;
  changed: (tenant: string, event: PolicyEvent) => void;
}

const AGGREGATE = 'policy';
const ID = 'flow';
const PAGE = 500;
const ATTEMPTS = 10;

export class Policies {
  private readonly known = new Map<string, Known>();
  private readonly loading = new Map<string, Promise<void>>();
  private subscription: Subscription | undefined;

  constructor(private readonly options: PoliciesOptions) {}

  of(tenant: string): Policy {
    return this.known.get(tenant)?.policy ?? OPEN_POLICY;
  }

  /** Of the tenants that have one. */
  *all(): Iterable<[tenant: string, policy: Policy]> {
    for (const [tenant, { policy }] of this.known) yield [tenant, policy];
  }

  /** Listens first, so that nothing falls between the reading and the listening. */
  async start(): Promise<void> {
    this.subscription = this.options.connection.subscribe(subjects.event('*', AGGREGATE, ID), {
      callback: (error, message) => {
        if (!error) void this.catchUp(message.subject.split('.')[2] ?? '');
      },
    });
    await this.load();
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** Reads what is new in every tenant's stream. */
  async load(): Promise<void> {
    let after: { tenant: string; id: string } | undefined;
    for (;;) {
      const rows = await this.options.store.streamsOfType(AGGREGATE, PAGE, after);
      for (const { tenant } of rows) await this.catchUp(tenant);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = { tenant: last.tenant, id: last.stream.id };
    }
  }

  /** Decides and records a change; resolves to the policy after it. */
  async command(tenant: string, command: PolicyCommand, origin: { actor: Actor; traceparent?: string }): Promise<Policy> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.catchUp(tenant);
      const { policy, version } = this.known.get(tenant) ?? { policy: OPEN_POLICY, version: 0 };
      const events = decidePolicy(command, policy);
      if (events.length === 0) return policy;
      const result = await this.options.store.append({
        tenant,
        stream: { type: AGGREGATE, id: ID },
        expected: version === 0 ? 'no-stream' : version,
        events: events.map(({ type, at, data }) => ({
          type: policyEventName(type),
          occurredAt: timestamp(at),
          data: data as unknown as JsonObject,
        })),
        actor: origin.actor,
        correlationId: ID,
        traceparent: continueTrace(origin.traceparent),
      });
      if (result.ok) {
        await this.catchUp(tenant);
        return this.of(tenant);
      }
    }
    throw new AppError('POLICY_BUSY', 'unavailable', 'others change the same policy just now: try again');
  }

  /** One reading of a tenant at a time; who comes meanwhile waits for one more. */
  private async catchUp(tenant: string): Promise<void> {
    const before = this.loading.get(tenant) ?? Promise.resolve();
    const next = before.then(() => this.read(tenant));
    const settled = next.catch((error: unknown) =>
      this.options.logger.warn(
        { error: String(error), tenant },
        'a policy could not be read; its next change or the next start tries again',
      ),
    );
    this.loading.set(tenant, settled);
    try {
      await next;
    } finally {
      if (this.loading.get(tenant) === settled) this.loading.delete(tenant);
    }
  }

  private async read(tenant: string): Promise<void> {
    const { policy, version } = this.known.get(tenant) ?? { policy: OPEN_POLICY, version: 0 };
    const recorded = await this.options.store.readStream({ tenant, stream: { type: AGGREGATE, id: ID }, fromVersion: version + 1 });
    const last = recorded.at(-1);
    if (!last) return;
    const events = recorded.map(policyEvent);
    this.known.set(tenant, { policy: events.reduce(evolvePolicy, policy), version: last.version });
    for (const event of events) this.options.changed(tenant, event);
  }
}

const policyEvent = ({ type, occurredAt, data }: RecordedEvent): PolicyEvent =>
  ({ type: type.slice(POLICY_EVENT_PREFIX.length).replace(/\.v\d+$/, ''), at: Date.parse(occurredAt), data }) as unknown as PolicyEvent;
