/** Assembles the engine from its parts and runs it: what starts when, what ticks how often, what stops in which order. */
import { subjects } from '@mandate/contracts';
import { DEFAULT_FALLBACK_THRESHOLD } from '@mandate/delegation';
import { AppendSignal, DeadLetters, EventStore, Keyring, Publisher, runProjection, runReactor, type Subscription } from '@mandate/event-store';
import { ulid, type Clock } from '@mandate/kernel';
import { ensureTopology, JetStreamEventBus, JetStreamServer, Replies } from '@mandate/messaging';
import type { Logger, ServiceOptions } from '@mandate/service-host';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { COMMAND, REGISTER } from '../bus/bus.controller.js';
import { openReadModel, projectDelegations } from '../read-model/index.js';
import { AgentDirectory } from './agent-directory.js';
import { InboundAsker } from './ask-inbound.js';
import { RunningAttempts } from './attempts.js';
import { cancelTree } from './cancel-tree.js';
import { Children } from './children.js';
import { DelegationWriter } from './delegation-writer.js';
import { Dispatcher } from './dispatcher.js';
import { EngineApi } from './engine-api.js';
import { Inbox, type InboundMessage } from './inbox.js';
import { Lanes } from './lanes.js';
import { leaseIdOf } from './leases.js';
import { Offers } from './offers.js';
import { partitionOf, Partitions } from './partitions.js';
import { Presence } from './presence.js';
import { GuardedReader } from './reading.js';
import { Requests } from './requests.js';
import { NatsSchedulerLink } from './scheduler-link.js';
import { Scheduler } from './scheduler.js';
import { Steering } from './steering.js';
import { Takeover } from './takeover.js';
import { engineOrigin, Tending } from './tending.js';
import { Ticks } from './ticks.js';
import { Timers } from './timers.js';

/** What the engine stands on; opened first and closed last. */
export interface Ground {
  connection: NatsConnection;
  store: EventStore;
  signal: AppendSignal;
  readModel: DataSource;
  keyring: Keyring;
}

export interface EngineOptions extends ServiceOptions {
  /** Below this confidence a request falls back to plain delegation; default: the recogniser's own. */
  threshold?: number;
}

const SWEEP_MS = 1_000;
const STARTS_MS = 100;

export const openGround = async (options: EngineOptions): Promise<Ground> => {
  const { databaseUrl, natsUrl, natsToken, masterKey, instance, clock } = options;
  const keyring = new Keyring(masterKey);
  const connection = await connect({
    servers: natsUrl,
    name: `delegation-engine ${instance}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    ignoreClusterUpdates: true,
    ...(natsToken ? { token: natsToken } : {}),
  });
  await ensureTopology(connection);
  const store = await EventStore.open({ databaseUrl, keyring, where: { service: 'delegation-engine', instance }, ...(clock ? { clock } : {}) });
  return { connection, store, signal: await AppendSignal.start(store, databaseUrl), readModel: await openReadModel(databaseUrl), keyring };
};

export const closeGround = async ({ connection, store, signal, readModel }: Ground): Promise<void> => {
  await signal.stop();
  await readModel.destroy();
  await store.close();
  await connection.close();
};

export class Engine {
  readonly presence: Presence;
  readonly steering: Steering;
  readonly api: EngineApi;
  readonly transport: JetStreamServer;
  readonly attempts = new RunningAttempts();
  readonly agents: AgentDirectory;
  readonly lanes = new Lanes();
  readonly partitions: Partitions;
  readonly publisher: Publisher;
  private readonly writer: DelegationWriter;
  private readonly scheduler: Scheduler;
  private readonly link: NatsSchedulerLink;
  private readonly tending: Tending;
  private readonly dispatcher: Dispatcher;
  private readonly timers: Timers;
  private readonly children: Children;
  private readonly requests: Requests;
  private readonly reader = new GuardedReader();
  private readonly takeover: Takeover;
  private readonly asker: InboundAsker;
  private readonly replies: Replies;
  private readonly followers: Subscription[];
  private readonly ticks: Ticks;
  /** New for every start: leases of the process before us are not ours. */
  private readonly owner: string;
  private readonly clock: Clock;
  private readonly logger: Logger;

  constructor(
    private readonly ground: Ground,
    options: EngineOptions,
  ) {
    const { connection, store, signal, readModel, keyring } = ground;
    const { logger } = options;
    this.logger = logger;
    this.clock = options.clock ?? { now: () => Date.now() };
    this.owner = `${options.instance}-${ulid(Date.now(), randomBytes(10))}`;
    const { clock, attempts, lanes, owner } = this;
    const random = Math.random;
    const writer = (): DelegationWriter => this.writer;
    this.replies = new Replies(connection);
    const offers = new Offers(connection, this.replies, clock);
    this.agents = new AgentDirectory(clock);
    const { agents } = this;
    this.partitions = new Partitions({
      store,
      instance: owner,
      logger,
      gained: (partition) => this.takeover.gained(partition),
      lost: (partition) => this.takeover.lost(partition),
    });
    const { partitions } = this;
    const owns = (id: string): boolean => partitions.owns(partitionOf(id));
    this.tending = new Tending(lanes, writer, owns, logger);
    const { tend } = this.tending;
    this.link = new NatsSchedulerLink(
      connection,
      (partition) => partitions.owns(partition),
      (grant) => void tend(grant.tenant, grant.delegationId, (entry) => this.writer.dispatchWaiting(entry, grant, engineOrigin(entry, 'scheduler'))),
    );
    this.scheduler = new Scheduler({ store, agents, clock, logger, instance: owner, link: this.link });
    const { scheduler } = this;
    this.dispatcher = new Dispatcher({
      writer,
      scheduler,
      attempts,
      agents,
      offers,
      keyring,
      clock,
      random,
      tend,
      lostTrack: (tenant, id) => this.tending.lostTrack(tenant, id),
      wakeAt: (tenant, id, at) => this.timers.hint(tenant, id, at),
    });
    this.writer = new DelegationWriter(store, scheduler, partitions, clock, this.dispatcher);
    this.timers = new Timers({ store, writer, agents, clock, random, tend, owned: () => partitions.owned });
    this.children = new Children({ connection, lanes, writer, ownership: partitions, keyring, clock });
    this.requests = new Requests({
      keyring,
      writer: this.writer,
      agents,
      attempts,
      reader: this.reader,
      clock,
      random,
      threshold: options.threshold ?? DEFAULT_FALLBACK_THRESHOLD,
      admitChild: (tenant, childId, request, traceparent) => this.children.admit(tenant, childId, request, traceparent),
    });
    this.steering = new Steering(writer, clock);
    const inbox = new Inbox(lanes, connection, new DeadLetters(store.database, keyring), logger, clock, (message) => this.handle(message), () =>
      void this.partitions.tick().catch(() => undefined),
    );
    this.takeover = new Takeover({ connection, store, writer, attempts, tend, take: (message) => inbox.take(message) });
    this.presence = new Presence({
      connection,
      store,
      agents,
      attempts,
      offers,
      scheduler,
      clock,
      logger,
      leaseIdOf: (lease) => leaseIdOf(keyring, lease),
    });
    this.asker = new InboundAsker(connection, this.replies);
    this.api = new EngineApi({ store, connection, asker: this.asker, agents, readModel });
    this.transport = new JetStreamServer({ connection, requests: { [REGISTER]: subjects.register('*') }, queue: 'delegation-engine' });
    const report = (error: Error): void => logger.error({ err: error }, 'a follower of the log has trouble');
    this.publisher = new Publisher({ store, signal, bus: new JetStreamEventBus(connection), owner, onError: report });
    const following = { store, signal, owner, onError: report };
    this.followers = [
      runProjection({ name: 'delegation-list', project: projectDelegations }, following),
      runReactor(cancelTree(jetstream(connection)), following),
    ];
    this.ticks = new Ticks(logger, [
      { name: 'partitions', everyMs: SWEEP_MS, run: () => partitions.tick() },
      { name: 'scheduler', everyMs: SWEEP_MS, run: () => scheduler.tick() },
      { name: 'takeover', everyMs: SWEEP_MS, run: () => this.takeover.loadRest() },
      { name: 'timers', everyMs: SWEEP_MS, run: () => this.timers.poll() },
      { name: 'reload', everyMs: SWEEP_MS, run: () => this.tending.reload() },
      { name: 'presence', everyMs: SWEEP_MS, run: () => this.presence.sweep() },
      { name: 'leases', everyMs: SWEEP_MS, run: () => this.dispatcher.endLostLeases(() => inbox.isBehind()) },
      { name: 'starts', everyMs: STARTS_MS, run: () => this.dispatcher.recordStarts() },
    ]);
  }

  /** Requests and results go around Nest: its path costs more than their whole budget; commands go through it. */
  private handle(message: InboundMessage): Promise<unknown> {
    if (message.inbound.family === 'request') return this.requests.request(message);
    if (message.inbound.family === 'result') return this.requests.result(message);
    return this.transport.deliver(COMMAND, message.body, { subject: message.subject, headers: message.headers });
  }

  /** Resolves once requests are taken. */
  async start(): Promise<void> {
    this.children.serve();
    this.link.serve(this.scheduler);
    await this.presence.start();
    await this.takeover.start();
    await this.ticks.start();
    void this.watchConnection();
  }

  /** After an outage the bus may be another one, and news of agents were missed. */
  private async watchConnection(): Promise<void> {
    for await (const { type } of this.ground.connection.status()) {
      if (type !== 'reconnect') continue;
      this.logger.info('connected to the bus again');
      await Promise.all([ensureTopology(this.ground.connection), this.presence.load()]).catch((error: unknown) =>
        this.logger.warn({ error: String(error) }, 'the bus is back but not ready; the next outage or start tries again'),
      );
    }
  }

  /** Takes nothing new, finishes what is in hand, gives back what is owned. */
  async stop(): Promise<void> {
    await this.ticks.stop();
    this.timers.stop();
    await this.takeover.stop();
    await this.lanes.idle();
    await this.scheduler.stop();
    await this.partitions.stop();
    this.presence.stop();
    this.children.stop();
    this.link.stop();
    this.reader.stop();
    await Promise.all(this.followers.map((follower) => follower.stop()));
    await this.publisher.stop();
    this.replies.stop();
  }
}
