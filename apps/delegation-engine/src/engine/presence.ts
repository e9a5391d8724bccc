/** Who is there: registrations (events of the agent's stream), heartbeats (plain messages), and their absence. */
import {
  Heartbeat,
  HEARTBEAT_INTERVAL,
  parse,
  parseJson,
  subjects,
  toProblem,
  type Registration,
  type RegistrationAnswer,
} from '@mandate/contracts';
import type { EventStore, RecordedEvent, Refusal, StreamRow } from '@mandate/event-store';
import { AppError, timestamp, type JsonObject } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import type { Logger } from '@mandate/service-host';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { agentRegistered, LOST_AFTER_MS, type Agent, type AgentRegistered } from './agent-directory.js';
import { agentEventTypeName, type AgentEvent } from './agent-events.js';
import type { LeaseOf } from './leases.js';
import { plainRefusal } from './plain-refusal.js';
import type { Work } from './work.js';

export interface PresenceOptions {
  connection: NatsConnection;
  store: EventStore;
  work: Pick<Work, 'agents' | 'attempts' | 'offers' | 'scheduler' | 'clock'>;
  logger: Logger;
  /** Puts on record what is not understood. */
  refused: (refusal: Refusal) => Promise<void>;
  /** The secret of a lease, from what `es.slot` says of it. */
  leaseIdOf: (of: LeaseOf) => string;
}

const REGISTERED = agentEventTypeName('registered');
const LOST = agentEventTypeName('lost');

const PAGE = 500;
/** A worker that came back without a lease has this long until that lease ends: its result may be on its way. */
const UNLISTED_GRACE_MS = 3_000;
const MAX_AGENTS_A_TENANT = 20_000;

interface Beats {
  at: number;
  /** Leases that the last heartbeat named and nobody here knows. */
  strange: ReadonlySet<string>;
}

export class Presence {
  private readonly beats = new Map<string, Beats>();
  private subscriptions: Subscription[] = [];

  constructor(private readonly options: PresenceOptions) {}

  /** Listens first, so that nothing falls between the reading and the listening. */
  async start(): Promise<void> {
    const { connection, refused } = this.options;
    const guarded =
      (handle: (message: Msg) => void) =>
      (error: Error | null, message: Msg): void => {
        try {
          if (!error) handle(message);
        } catch (failure) {
          // Nobody waits for an answer; what cannot be written now stays counted.
          refused(plainRefusal('heartbeat', message, toProblem(failure))).catch(() => undefined);
        }
      };
    this.subscriptions = [
      connection.subscribe(subjects.event('*', 'agent', '*'), { callback: guarded((message) => this.onEvent(message)) }),
      connection.subscribe(subjects.heartbeat('*', '*'), { callback: guarded((message) => this.onHeartbeat(message)) }),
    ];
    await this.load();
  }

  stop(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }

  /** Reads the agents' streams; again after an outage of the bus. */
  async load(): Promise<void> {
    const { store } = this.options;
    let after: { tenant: string; id: string } | undefined;
    for (;;) {
      const rows = await store.streamsOfType('agent', PAGE, after);
      await Promise.all(rows.map((row) => this.loadAgent(row)));
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = { tenant: last.tenant, id: last.stream.id };
    }
  }

  /** The last registration and what came after it; streams of workers that register often are long, so the end is tried first. */
  private async loadAgent({ tenant, stream, version }: StreamRow): Promise<void> {
    const { store, work } = this.options;
    const tail = await store.readStream({ tenant, stream, fromVersion: Math.max(1, version - 9) });
    const isRegistration = (event: RecordedEvent): boolean => event.type === REGISTERED;
    const events = tail.some(isRegistration) ? tail : await store.readStream({ tenant, stream });
    const registration = events.findLast(isRegistration);
    const last = events.at(-1);
    if (!registration || !last) return;
    const isLost = last.type === LOST;
    const agent = this.options.work.agents.register(tenant, registration.data as unknown as AgentRegistered, {
      at: Date.parse(registration.occurredAt),
      position: registration.position,
      seenAt: this.beats.get(beatKey(tenant, stream.id))?.at ?? (isLost ? 0 : work.clock.now()),
    });
    if (isLost) this.options.work.agents.markLost(tenant, agent.instance, last.position);
  }

  /** Records a registration and answers where the worker listens from now on. */
  async register(tenant: string, registration: Registration, traceparent: string | undefined): Promise<RegistrationAnswer> {
    const { agents, clock } = this.options.work;
    const { instance } = registration;
    const names = registration.capabilities.map(({ name }) => name);
    if (new Set(names).size < names.length)
      throw new AppError('DUPLICATE_CAPABILITY', 'invalid', 'a capability stands twice in the registration', { field: 'capabilities' });
    if (!agents.find(tenant, instance) && agents.countOf(tenant) >= MAX_AGENTS_A_TENANT)
      throw new AppError(
        'TOO_MANY_AGENTS',
        'limited',
        `${MAX_AGENTS_A_TENANT} instances are registered in the tenant: keep the instance name over restarts`,
      );
    const registered = agentRegistered(registration);
    const now = clock.now();
    const position = await this.append(
      tenant,
      instance,
      { type: 'registered', data: registered },
      {
        actor: { kind: 'worker', id: instance },
        now,
        traceparent,
      },
    );
    agents.register(tenant, registered, { at: now, position, seenAt: this.seenSince(tenant, instance, now) });
    return {
      instance,
      workSubject: subjects.work(tenant, instance),
      controlSubject: subjects.control(tenant, instance),
      heartbeatSubject: subjects.heartbeat(tenant, instance),
      heartbeat: HEARTBEAT_INTERVAL,
    };
  }

  private async append(
    tenant: string,
    instance: string,
    { type, data }: AgentEvent,
    { actor, now, traceparent }: { actor: { kind: 'worker' | 'service'; id: string }; now: number; traceparent?: string | undefined },
  ): Promise<number> {
    const result = await this.options.store.append({
      tenant,
      stream: { type: 'agent', id: instance },
      expected: 'any',
      events: [{ type: agentEventTypeName(type), occurredAt: timestamp(now), data: data as unknown as JsonObject }],
      actor,
      correlationId: instance,
      traceparent: continueTrace(traceparent),
    });
    if (!result.ok) throw new AppError('REGISTRATION_NOT_RECORDED', 'unavailable', `${result.message}; try again`);
    return result.lastPosition;
  }

  /** A heartbeat can overtake the news of the registration that it follows. */
  private seenSince(tenant: string, instance: string, registeredAt: number): number {
    const at = this.beats.get(beatKey(tenant, instance))?.at ?? 0;
    return at > registeredAt ? at : 0;
  }

  private onEvent(message: Msg): void {
    const { agents } = this.options.work;
    const [, , tenant = '', , , instance = ''] = message.subject.split('.');
    const type = message.headers?.get('ce-type');
    const position = Number(message.headers?.get('ce-sequence'));
    if (type === REGISTERED) {
      const at = Date.parse(message.headers?.get('ce-time') ?? '');
      agents.register(tenant, message.json<AgentRegistered>(), { at, position, seenAt: this.seenSince(tenant, instance, at) });
    } else if (type === LOST) agents.markLost(tenant, instance, position);
  }

  private onHeartbeat(message: Msg): void {
    const { agents, clock, scheduler } = this.options.work;
    const [, , tenant = '', , instance = ''] = message.subject.split('.');
    const { leases } = parse(Heartbeat, parseJson(message.data));
    const key = beatKey(tenant, instance);
    const before = this.beats.get(key);
    const agent = agents.find(tenant, instance);
    if (!agent && !before && this.beats.size > MAX_AGENTS_A_TENANT) return;
    const strange = new Set(leases.filter((leaseId) => !this.extend(leaseId, instance)));
    this.beats.set(key, { at: clock.now(), strange });
    if (!agent) return;
    if (agent.lastSeenAt === 0) this.endUnlisted(agent, new Set(leases));
    const wasLost = agent.lost;
    if (agents.seen(agent)) scheduler.workerAppeared(tenant, agent.capabilities.keys());
    if (wasLost && scheduler.leads) void this.record(agent, 'returned');
    const persistent = [...strange].filter((leaseId) => before?.strange.has(leaseId));
    if (persistent.length > 0 && scheduler.leads) void this.disown(agent, persistent);
  }

  private extend(leaseId: string, instance: string): boolean {
    const attempt = this.options.work.attempts.ofLease(leaseId);
    if (attempt?.instance !== instance) return false;
    attempt.extendedAt = this.options.work.clock.now();
    return true;
  }

  /** The first heartbeat after a registration: what it does not name, the process before it took into its grave. */
  private endUnlisted(agent: Agent, listed: ReadonlySet<string>): void {
    const now = this.options.work.clock.now();
    for (const attempt of this.options.work.attempts.all())
      if (
        attempt.instance === agent.instance &&
        attempt.tenant === agent.tenant &&
        attempt.acceptedAt !== null &&
        !listed.has(attempt.leaseId)
      )
        attempt.extendedAt = Math.min(attempt.extendedAt, now - LOST_AFTER_MS + UNLISTED_GRACE_MS);
  }

  /** Tells a worker which of its leases nobody holds for it any more, whichever engine owns their delegations. */
  private async disown(agent: Agent, leases: readonly string[]): Promise<void> {
    const { store, work, leaseIdOf, logger } = this.options;
    try {
      const held = await store.slots({ instance: agent.instance });
      const current = new Set(held.map((slot) => leaseIdOf(slot)));
      for (const leaseId of leases)
        if (!current.has(leaseId))
          work.offers.tell(agent.tenant, agent.instance, { type: 'lease-lost', leaseId, reason: 'the lease has ended' });
    } catch (error) {
      logger.warn(
        { error: String(error), instance: agent.instance },
        'leases of a worker could not be checked; its next heartbeat tries again',
      );
    }
  }

  /** Notices who has not been heard of for three heartbeats. Called every second; the engine that grants slots writes it down. */
  sweep(): void {
    const { agents, clock, scheduler } = this.options.work;
    const now = clock.now();
    for (const agent of agents.all()) {
      const heard = Math.max(agent.lastSeenAt, agent.registeredAt);
      if (agent.lost || now - heard < LOST_AFTER_MS) continue;
      agent.lost = true;
      if (scheduler.leads) void this.record(agent, 'lost');
    }
    for (const [key, { at }] of this.beats) if (now - at > 10 * LOST_AFTER_MS) this.beats.delete(key);
  }

  private async record(agent: Agent, type: 'lost' | 'returned'): Promise<void> {
    const { work, logger } = this.options;
    const lastSeenAt = agent.lastSeenAt > 0 ? timestamp(agent.lastSeenAt) : null;
    const actor = { kind: 'service' as const, id: 'delegation-engine' };
    logger.info({ instance: agent.instance, tenant: agent.tenant }, type === 'lost' ? 'worker lost' : 'worker is back');
    const event = { type, data: { instance: agent.instance, lastSeenAt } };
    await this.append(agent.tenant, agent.instance, event, { actor, now: work.clock.now() }).catch((error: unknown) =>
      logger.warn({ error: String(error), instance: agent.instance }, 'the presence of a worker could not be recorded'),
    );
  }
}

const beatKey = (tenant: string, instance: string): string => `${tenant}/${instance}`;
