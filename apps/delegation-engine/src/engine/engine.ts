/** The engine's edges around its work, and its life: what starts when, what ticks how often, what stops in which order. */
import { randomBytes } from 'node:crypto';
import { subjects } from '@mandate/contracts';
import { DEFAULT_FALLBACK_THRESHOLD } from '@mandate/recognition';
import {
  CommitCounter,
  DeadLetters,
  Publisher,
  ReadRecorder,
  type RecorderOptions,
  RefusalRecorder,
  runProjection,
  runReactor,
  type Subscription,
  type SubscriptionOptions,
} from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import { ensureTopology, JetStreamEventBus, JetStreamServer, Replies } from '@mandate/messaging';
import type { ServiceOptions } from '@mandate/service-host';
import { jetstream } from '@nats-io/jetstream';
import { COMMAND, REGISTER } from '../bus/bus.controller.js';
import { DELEGATION_LIST, projectDelegations, projectReputation, REPUTATION_EVENTS, WORKER_REPUTATION } from '../read-model/index.js';
import { InboundAsker } from './ask-inbound.js';
import { Advisories } from './advisories.js';
import { cancelTree } from './cancel-tree.js';
import { Children } from './children.js';
import { DeadLetterOffice } from './dead-letter-office.js';
import { EngineApi } from './engine-api.js';
import { Explaining } from './explaining.js';
import { Flow } from './flow.js';
import { giveUps } from './give-ups.js';
import type { Ground } from './ground.js';
import { Inbox, type InboundMessage } from './inbox.js';
import { Layers } from './layers.js';
import { leaseIdOf } from './leases.js';
import type { Models } from './models.js';
import { Presence } from './presence.js';
import { GuardedReader, readWith } from './reading.js';
import { Requests } from './requests.js';
import { Reviews } from './reviews.js';
import { scheduleAsks } from './schedule-asks.js';
import { Schedules } from './schedules.js';
import { Steering } from './steering.js';
import { Takeover } from './takeover.js';
import { teaching, TEACHING_PACE } from './teaching.js';
import { TemplateMine } from './template-mine.js';
import { Ticks } from './ticks.js';
import { plainRefusal } from './plain-refusal.js';
import { WhyWaiting } from './why-waiting.js';
import { Work } from './work.js';

export interface EngineOptions extends ServiceOptions {
  /** Below this confidence a request falls back to plain delegation; default: the recogniser's own. */
  threshold?: number;
}

const SWEEP_MS = 1_000;
const STARTS_MS = 100;
const MINUTE_MS = 60_000;
/** Half a second of the log at a time: reputations change slowly. */
const REPUTATION_PACE = { batchSize: 5_000, lingerMs: 500 };

export class Engine {
  readonly work: Work;
  readonly presence: Presence;
  readonly steering: Steering;
  readonly api: EngineApi;
  readonly flow: Flow;
  readonly reviews: Reviews;
  readonly deadLetters: DeadLetterOffice;
  readonly schedules: Schedules;
  readonly transport: JetStreamServer;
  readonly publisher: Publisher;
  readonly refusals: RefusalRecorder;
  readonly reads: ReadRecorder;
  private readonly counter: CommitCounter;
  private readonly replies: Replies;
  private readonly children: Children;
  private readonly layers: Layers;
  private readonly reader: GuardedReader;
  private readonly requests: Requests;
  private readonly inbox: Inbox;
  private readonly advisories: Advisories;
  private readonly takeover: Takeover;
  /** By name: what follows the log. */
  readonly followers: Readonly<Record<string, Subscription>>;
  private readonly ticks: Ticks;
  private erasures: { unsubscribe(): void } | undefined;

  constructor(
    private readonly ground: Ground,
    private readonly options: EngineOptions,
    models: Models,
  ) {
    const { connection, store, signal, keyring } = ground;
    const { logger, clock, instance } = options;
    const owner = `${instance}-${ulid(Date.now(), randomBytes(10))}`;
    this.replies = new Replies(connection);
    this.counter = new CommitCounter({ store, instance: `delegation-engine-${instance}`, clock: clock ?? { now: () => Date.now() } });
    this.refusals = new RefusalRecorder({ ...this.recording('refusals'), answered: this.counter.refused });
    this.reads = new ReadRecorder(this.recording('reads'));
    this.work = new Work({
      ground,
      replies: this.replies,
      owner,
      logger,
      clock,
      capacity: options.capacity ?? Infinity,
      gained: (partition) => this.takeover.gained(partition),
      lost: (partition) => this.takeover.lost(partition),
    });
    const { work } = this;
    this.layers = new Layers({ connection, store, keyring, logger, models });
    this.reader = new GuardedReader(readWith(this.layers));
    this.children = new Children({ connection, store, work, keyring });
    this.requests = this.takeRequests();
    this.steering = new Steering(work.writer, work.clock);
    const letters = new DeadLetters(store.database, keyring);
    this.deadLetters = new DeadLetterOffice({ store, letters, connection, clock: work.clock });
    this.advisories = new Advisories(connection, letters, logger);
    this.inbox = new Inbox({
      work,
      connection,
      deadLetters: letters,
      logger,
      handle: (message) => this.handle(message),
      refused: this.refusals.record,
      stale: () => void work.partitions.tick().catch(() => undefined),
    });
    this.takeover = new Takeover({ connection, store, work, take: (message) => this.inbox.take(message) });
    this.presence = this.watchPresence();
    this.reviews = this.makeReviews(owner);
    this.api = this.makeApi(owner);
    this.schedules = new Schedules({ store, clock: work.clock, logger, leads: () => work.scheduler.leads });
    this.flow = new Flow(store, work.policies, work.clock);
    this.transport = new JetStreamServer({
      connection,
      requests: { [REGISTER]: subjects.register('*') },
      queue: 'delegation-engine',
      refused: (pattern, request, problem) => this.refusals.record(plainRefusal(pattern, request, problem)),
    });
    const onError = (error: Error): void => logger.error({ err: error }, 'what follows the log has trouble; it tries again');
    const following = { store, signal, owner, onError };
    this.publisher = new Publisher({ ...following, bus: new JetStreamEventBus(connection) });
    this.followers = this.follow(following, letters);
    this.ticks = this.makeTicks();
  }

  private makeReviews(owner: string): Reviews {
    const { scheduler, reputationStreams: streams, reputations, policies, clock } = this.work;
    return new Reviews({ store: this.ground.store, streams, reputations, policies, clock, owner, leads: () => scheduler.leads });
  }

  private makeApi(owner: string): EngineApi {
    const { connection, store, readModel } = this.ground;
    const { work } = this;
    return new EngineApi({
      store,
      connection,
      asker: new InboundAsker(connection, this.replies),
      waiting: new WhyWaiting(store, (candidate) => work.explain(candidate)),
      explaining: new Explaining(this.layers),
      mine: new TemplateMine(store, readModel),
      agents: work.agents,
      modeOf: (tenant, name) => work.policies.of(tenant).workers[name] ?? 'active',
      doing: (tenant, name, capability) => this.reviews.of(tenant, name, capability),
      readModel,
      owner,
      clock: work.clock,
    });
  }

  private follow(following: SubscriptionOptions, letters: DeadLetters): Record<string, Subscription> {
    const { connection, store } = this.ground;
    const slowly = { ...following, ...REPUTATION_PACE };
    return {
      'delegation-list': runProjection({ name: DELEGATION_LIST, project: projectDelegations }, following),
      'worker-reputation': runProjection({ name: WORKER_REPUTATION, types: REPUTATION_EVENTS, project: projectReputation }, slowly),
      'cancel-tree': runReactor(cancelTree(jetstream(connection)), following),
      schedules: runReactor(scheduleAsks(store, jetstream(connection)), following),
      'dead-letters': runReactor(giveUps(store, letters), following),
      teaching: runReactor(teaching(store, this.layers), { ...following, ...TEACHING_PACE }),
    };
  }

  private watchPresence(): Presence {
    const { connection, store, keyring } = this.ground;
    return new Presence({
      connection,
      store,
      work: this.work,
      logger: this.options.logger,
      refused: this.refusals.record,
      leaseIdOf: (lease) => leaseIdOf(keyring, lease),
    });
  }

  private recording(what: string): RecorderOptions {
    const { logger, clock, instance } = this.options;
    return {
      store: this.ground.store,
      instance: `delegation-engine-${instance}`,
      clock: clock ?? { now: () => Date.now() },
      onError: (error) => logger.warn({ error: String(error) }, `${what} cannot be put on record just now; they stay counted`),
    };
  }

  private takeRequests(): Requests {
    const { writer, agents, attempts, policies, clock, random } = this.work;
    return new Requests({
      keyring: this.ground.keyring,
      writer,
      agents,
      attempts,
      reader: this.reader,
      policies,
      clock,
      random,
      threshold: this.options.threshold ?? DEFAULT_FALLBACK_THRESHOLD,
      admitChild: (tenant, childId, request, traceparent) => this.children.admit(tenant, childId, request, traceparent),
    });
  }

  private makeTicks(): Ticks {
    const { partitions, scheduler, timers, tending, dispatcher, policies, reputationStreams } = this.work;
    return new Ticks(this.options.logger, [
      { name: 'partitions', everyMs: SWEEP_MS, run: () => partitions.tick() },
      { name: 'scheduler', everyMs: SWEEP_MS, run: () => scheduler.tick() },
      { name: 'takeover', everyMs: SWEEP_MS, run: () => this.takeover.loadRest() },
      { name: 'timers', everyMs: SWEEP_MS, run: () => timers.poll() },
      { name: 'schedules', everyMs: SWEEP_MS, run: () => this.schedules.tick() },
      { name: 'reputation', everyMs: SWEEP_MS, run: () => this.reviews.tick() },
      { name: 'reload', everyMs: SWEEP_MS, run: () => tending.reload() },
      { name: 'presence', everyMs: SWEEP_MS, run: () => this.presence.sweep() },
      { name: 'leases', everyMs: SWEEP_MS, run: () => dispatcher.endLostLeases(() => this.inbox.isBehind()) },
      { name: 'quarantine', everyMs: SWEEP_MS, run: () => dispatcher.takeAwayQuarantined() },
      { name: 'policies', everyMs: SWEEP_MS, run: () => policies.readAgain() },
      { name: 'reputations', everyMs: SWEEP_MS, run: () => reputationStreams.readAgain() },
      { name: 'reads', everyMs: MINUTE_MS, run: () => this.reads.endWindows() },
      { name: 'counter', everyMs: MINUTE_MS, run: () => this.counter.tell() },
      { name: 'starts', everyMs: STARTS_MS, run: () => dispatcher.recordStarts() },
    ]);
  }

  /** Requests and results go around Nest: its path costs more than their whole budget. Commands go through it. */
  private handle(message: InboundMessage): Promise<unknown> {
    if (message.inbound.family === 'request') return this.requests.request(message);
    if (message.inbound.family === 'result') return this.requests.result(message);
    return this.transport.deliver(COMMAND, message.body, { subject: message.subject, headers: message.headers });
  }

  /** Resolves once requests are taken. */
  async start(): Promise<void> {
    // Keys that this process remembers open what was erased; without the event it would be a minute until they are looked up again.
    this.erasures = this.ground.connection.subscribe(subjects.event('*', 'erasure', '*'), {
      callback: () => {
        this.ground.store.forgetKeys();
        void this.layers.load();
      },
    });
    this.children.serve();
    this.work.link.serve(this.work.scheduler);
    await this.work.policies.start();
    await this.work.reputationStreams.start();
    await this.layers.start();
    await this.presence.start();
    await this.takeover.start();
    await this.advisories.start();
    await this.ticks.start();
    void this.watchConnection();
  }

  /** After an outage the bus may be another one, and news of agents were missed. */
  private async watchConnection(): Promise<void> {
    const { connection } = this.ground;
    for await (const { type } of connection.status()) {
      if (type !== 'reconnect') continue;
      this.options.logger.info('connected to the bus again');
      await Promise.all([
        ensureTopology(connection),
        this.presence.load(),
        this.work.policies.load(),
        this.work.reputationStreams.load(),
        this.layers.load(),
      ]).catch((error: unknown) =>
        this.options.logger.warn({ error: String(error) }, 'the bus is back but not ready; the next outage or start tries again'),
      );
    }
  }

  /** Takes nothing new, finishes what is in hand, gives back what is owned. */
  async stop(): Promise<void> {
    const { timers, lanes, scheduler, partitions, policies, reputationStreams, link } = this.work;
    await this.ticks.stop();
    timers.stop();
    await this.takeover.stop();
    await this.advisories.stop();
    await lanes.idle();
    await scheduler.stop();
    await partitions.stop();
    this.presence.stop();
    policies.stop();
    reputationStreams.stop();
    this.erasures?.unsubscribe();
    this.children.stop();
    link.stop();
    this.reader.stop();
    await Promise.all(Object.values(this.followers).map((follower) => follower.stop()));
    this.layers.stop();
    await this.publisher.stop();
    await this.refusals.stop();
    await this.reads.stop();
    await this.counter.stop();
    this.replies.stop();
  }
}
