/**
 * One engine of a log grants the slots (a PostgreSQL lease with an epoch that every dispatching append carries); the others ask it.
 * Grants are given in memory and confirmed by the append. A scheduler that takes over raises the epoch first, which voids
 * every unconfirmed grant of the one before it, and then reads what is held. What may be granted is decided in @mandate/scheduling.
 */
import type { EventStore, WaitingRow } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import {
  Allocator,
  nextReading,
  type AttemptOutcome,
  type Candidate,
  type Explanation,
  type Matching,
  type PolicyEvent,
  type QueuedStep,
  type Reading,
  type RetryBlock,
  type SlotHolder,
  type Worker,
} from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { AgentDirectory } from './agent-directory.js';
import { Drifts } from './drifts.js';
import type { Grant, SlotRequest } from './grants.js';
import { Guarding } from './guarding.js';
import type { Policies } from './policies.js';
import { queueName, WaitingQueues, type Pool, type Pumping, type WaitingKey } from './waiting-queues.js';

/** How engines reach the scheduler, and it them; the embedded default never uses it. */
export interface SchedulerLink {
  acquire(request: SlotRequest): Promise<Grant | null>;
  tell(note: SchedulerNote): void;
  /** Hands a granted waiting step to the engine that owns its partition. */
  handOver(grant: Grant): void;
}

export type SchedulerNote =
  | { kind: 'confirmed'; holder: SlotHolder }
  | { kind: 'freed'; holders: readonly SlotHolder[] }
  /** How attempts ended; told before their slots are freed. */
  | { kind: 'ended'; outcomes: readonly AttemptOutcome[] }
  /** Grants that were not used. */
  | { kind: 'unused'; grants: readonly Grant[] }
  /** The log refused a grant of this epoch: another scheduler has taken over. */
  | { kind: 'refused'; schedulerEpoch: number }
  | { kind: 'waiting'; keys: readonly WaitingKey[] };

export interface SchedulerOptions {
  store: EventStore;
  agents: AgentDirectory;
  policies: Policies;
  clock: Clock;
  logger: Logger;
  instance: string;
  link: SchedulerLink;
  /** Steps at workers at once, of all tenants; they share it by their weights. */
  capacity: number;
  /** Which of several free workers gets a step. */
  matching: Matching;
}

const LEASE = 'scheduler';
const LEASE_TTL_MS = 3_000;
const PUMP_BATCH = 256;
/** Keys that are looked at when the most urgent steps are all held up by limits of their keys. */
const KEYS_LOOKED_AT = 1_000;

export class Scheduler {
  private readonly allocator: Allocator;
  private epoch: number | null = null;
  readonly drifts: Drifts;
  private readonly queues: WaitingQueues;
  private readonly guarding: Guarding;

  constructor(private readonly options: SchedulerOptions) {
    this.allocator = new Allocator({
      capacity: options.capacity,
      policyOf: (tenant) => options.policies.of(tenant),
      workersFor: (tenant, capability) => this.workersFor(tenant, capability),
      isQueued: (tenant, capability) => this.queues.has({ tenant, capability }),
      matching: options.matching,
    });
    this.guarding = new Guarding(options);
    this.drifts = new Drifts(options);
    this.queues = new WaitingQueues((pool, pumping) => this.handOut(pool, pumping), options.logger);
  }

  get leads(): boolean {
    return this.epoch !== null;
  }

  acquire(request: SlotRequest): Grant | null | Promise<Grant | null> {
    if (this.epoch === null) return this.options.link.acquire(request);
    return this.grant(request);
  }

  /** The scheduler's own side of `acquire`: null also when others wait already for what the step would take. */
  grant(request: SlotRequest): Grant | null {
    if (this.epoch === null) return null;
    if (request.except === null && (this.queues.has(request) || this.allocator.mustQueue(request))) return null;
    const choice = this.allocator.choose(request, this.options.clock.now());
    if ('granted' in choice) return this.grantOf(choice.granted);
    if (choice.block.kind === 'retry-budget') this.guarding.hold(request.tenant, choice.block);
    return null;
  }

  private grantOf(holder: SlotHolder): Grant {
    const { tenant, instance, capability } = holder;
    const effects = this.options.agents.find(tenant, instance)?.capabilities.get(capability)?.effects ?? 'idempotent';
    return { ...holder, effects, schedulerEpoch: this.epoch ?? 0 };
  }

  private workersFor(tenant: string, capability: string): Worker[] {
    const { agents } = this.options;
    const workers: Worker[] = [];
    for (const agent of agents.ofCapability(tenant, capability))
      if (agents.isOnline(agent))
        workers.push({ instance: agent.instance, name: agent.name, concurrency: agent.capabilities.get(capability)?.concurrency ?? 1 });
    return workers;
  }

  /** Why a step cannot go on just now. Only the scheduler that leads knows. */
  explain(candidate: Candidate): Explanation {
    return this.allocator.explain(candidate, this.options.clock.now());
  }

  /** What this engine has to tell whoever leads. */
  tell(note: SchedulerNote): void {
    if (this.epoch === null) this.options.link.tell(note);
    else this.take(note);
  }

  /** What an engine, perhaps another one, tells the scheduler. */
  take(note: SchedulerNote): void {
    if (this.epoch === null) return;
    switch (note.kind) {
      case 'confirmed':
        return this.allocator.confirm(note.holder, this.options.clock.now());
      case 'ended':
        return this.conclude(note.outcomes);
      case 'freed':
        this.allocator.free(note.holders);
        return this.pumpFreed(note.holders);
      case 'unused': {
        const ours = note.grants.filter(({ schedulerEpoch }) => schedulerEpoch === this.epoch);
        this.allocator.takeBack(ours);
        return this.pumpFreed(ours);
      }
      case 'refused':
        // Else it would grant the same again and again until its next tick tells it.
        return note.schedulerEpoch === this.epoch ? this.stepDown() : undefined;
      case 'waiting':
        for (const key of note.keys) {
          this.enqueue(key);
          this.queues.pump(this.poolOf(key));
        }
    }
  }

  private conclude(outcomes: readonly AttemptOutcome[]): void {
    for (const outcome of outcomes)
      for (const verdict of this.allocator.ended(outcome, this.options.clock.now())) this.guarding.conclude(outcome.tenant, verdict);
  }

  private enqueue(key: WaitingKey): void {
    if (this.queues.add(key)) this.allocator.queued(key);
  }

  /** Those who wait for the same: for the capacity, or within a tenant for what its limits allow or a substitute lends. */
  private poolOf({ tenant, capability }: WaitingKey): Pool {
    if (Number.isFinite(this.options.capacity)) return {};
    const { limits, guards } = this.options.policies.of(tenant);
    return Object.keys(limits).length > 0 || guards.substitutes.size > 0 ? { tenant } : { tenant, capability };
  }

  private pumpFreed(holders: readonly SlotHolder[]): void {
    if (this.queues.size === 0) return;
    const pools = new Map(holders.map((holder) => [queueName(holder), this.poolOf(holder)]));
    for (const pool of pools.values()) this.queues.pump(pool);
  }

  private pumpAll(): void {
    for (const key of this.queues.all()) this.queues.pump(this.poolOf(key));
  }

  /** A worker came (back): whoever waits for one of its capabilities may go on. */
  workerAppeared(tenant: string, capabilities: Iterable<string>): void {
    if (this.options.policies.of(tenant).guards.substitutes.size > 0) {
      for (const key of this.queues.of({ tenant })) this.queues.pump(this.poolOf(key));
      return;
    }
    for (const capability of capabilities)
      if (this.queues.has({ tenant, capability })) this.queues.pump(this.poolOf({ tenant, capability }));
  }

  policyChanged(tenant: string, event: PolicyEvent): void {
    this.allocator.policyChanged(tenant, event);
    for (const key of this.queues.of({ tenant })) this.queues.pump(this.poolOf(key));
  }

  /** Takes or keeps the lease, voids stale grants and compares the slots with the store. Called every second. */
  async tick(): Promise<void> {
    const { store, instance, clock } = this.options;
    const stale = this.epoch !== null && this.allocator.hasStaleGrant(clock.now());
    const lease = await store.claimLease(LEASE, instance, LEASE_TTL_MS, { raiseEpoch: stale });
    if (!lease) return this.stepDown();
    const fresh = lease.epoch !== this.epoch;
    const readAt = clock.now();
    if (this.epoch === null) this.allocator.takeOver(readAt);
    // Nobody gets a slot under a new epoch before it is known which are held.
    if (fresh) this.epoch = null;
    this.drifts.found(this.allocator.reconcile(await store.slots(), readAt, fresh));
    this.epoch = lease.epoch;
    for (const key of await store.waitingKeys()) this.enqueue(key);
    for (const { tenant } of this.queues.all()) this.allocator.sweepRates(tenant, readAt);
    this.allocator.sweepCounts(readAt);
    this.guarding.tryDue();
    this.pumpAll();
    await this.queues.idle();
    await this.drifts.tell();
  }

  async stop(): Promise<void> {
    this.queues.stop();
    await this.guarding.idle();
    if (this.epoch === null) return;
    this.stepDown();
    await this.options.store.releaseLease(LEASE, this.options.instance);
  }

  private stepDown(): void {
    this.epoch = null;
    this.queues.clear();
  }

  /** Gives slots to the steps of a pool that may go on. What comes free while only some queues are read on is for all of them again. */
  private async handOut(pool: Pool, pumping: Pumping): Promise<void> {
    const readings = new Map<string, Reading>();
    const all = (): Open[] => this.queues.of(pool).map((key) => ({ key, reading: readings.get(queueName(key)) ?? 'first' }));
    let open = all();
    let isWhole = true;
    while (open.length > 0 && this.epoch !== null) {
      const read = await Promise.all(open.map((queue) => this.read(queue)));
      if (!isWhole && pumping.again) {
        pumping.again = false;
        open = all();
        isWhole = true;
        continue;
      }
      const there = read.filter(({ key, rows, held }) => rows.length > 0 || held || this.emptied(key));
      open = this.give(pool, there);
      isWhole = false;
      for (const { key, reading } of open) readings.set(queueName(key), reading);
    }
  }

  /** Retries that are held back are not even looked at, however many stand in front of the others. */
  private async read({ key, reading }: Open): Promise<Read> {
    const { store, clock } = this.options;
    const { tenant, capability } = key;
    const held = this.allocator.heldRetries(tenant, capability, clock.now());
    const which = held ? 'fresh' : 'all';
    this.queues.reading(key);
    if (reading === 'keys')
      return { key, reading, held, complete: true, rows: await store.waitingKeyHeads(tenant, capability, KEYS_LOOKED_AT, which) };
    const limit = PUMP_BATCH + this.allocator.handedOverCount;
    const rows = await store.waitingHead(tenant, capability, limit, undefined, which);
    return { key, reading, held, complete: rows.length < limit, rows };
  }

  private emptied(key: WaitingKey): false {
    if (this.queues.emptied(key)) this.allocator.emptied(key);
    return false;
  }

  /** Those that have to be read on. */
  private give(pool: Pool, read: Read[]): Open[] {
    if (this.epoch === null) return [];
    const now = this.options.clock.now();
    const handout = this.allocator.handOut(
      read.map(({ key, complete, rows }) => ({ ...key, complete, steps: rows.map(nextAttempt) })),
      now,
    );
    for (const holder of handout.granted) this.options.link.handOver(this.grantOf(holder));
    return handout.queues.flatMap((outcome, i) => {
      const { key, reading, held } = read[i] as Read;
      if (outcome.held) this.guarding.hold(key.tenant, outcome.held);
      const readyAt = Math.min(outcome.readyAt ?? Infinity, held?.readyAt ?? Infinity);
      if (readyAt < Infinity) this.queues.pumpAt(pool, readyAt - now);
      const next = nextReading(outcome, reading);
      return next ? { key, reading: next } : [];
    });
  }
}

interface Open {
  key: WaitingKey;
  reading: Reading;
}

interface Read extends Open {
  complete: boolean;
  rows: WaitingRow[];
  /** Retries were left out. */
  held: RetryBlock | null;
}

/** The row says how many attempts there were. */
const nextAttempt = (row: WaitingRow): QueuedStep => ({ ...row, attempt: row.attempt + 1, lease: 1 });
