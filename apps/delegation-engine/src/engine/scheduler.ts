/**
 * One engine of a log grants the slots (a PostgreSQL lease with an epoch that every dispatching append carries); the others ask it.
 * Grants are given in memory and confirmed by the append. A scheduler that takes over raises the epoch first, which voids
 * every unconfirmed grant of the one before it, and then reads what is held. What may be granted is decided in @mandate/scheduling.
 */
import type { EventStore, WaitingRow } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import {
  Allocator,
  fairOrder,
  type AttemptOutcome,
  type Candidate,
  type Explanation,
  type Handout,
  type Matching,
  type PolicyEvent,
  type SlotHolder,
  type StepToPlace,
  type Worker,
} from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { AgentDirectory } from './agent-directory.js';
import { Drifts } from './drifts.js';
import type { Grant, SlotRequest } from './grants.js';
import { Guarding } from './guarding.js';
import type { Policies } from './policies.js';
import { WaitingQueues, type WaitingKey } from './waiting-queues.js';

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
    this.queues = new WaitingQueues((waiting) => this.handOut(waiting), options.logger);
  }

  get leads(): boolean {
    return this.epoch !== null;
  }

  acquire(request: SlotRequest): Grant | null | Promise<Grant | null> {
    if (this.epoch === null) return this.options.link.acquire(request);
    return this.grant(request);
  }

  /** The scheduler's own side of `acquire`: null also when others wait for the capability already. */
  grant(request: SlotRequest): Grant | null {
    if (this.epoch === null || (request.except === null && this.queues.has(request))) return null;
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
          this.queues.add(key);
          this.queues.pump(key);
        }
    }
  }

  private conclude(outcomes: readonly AttemptOutcome[]): void {
    for (const outcome of outcomes)
      for (const verdict of this.allocator.ended(outcome, this.options.clock.now())) this.guarding.conclude(outcome.tenant, verdict);
  }

  private pumpFreed(holders: readonly SlotHolder[]): void {
    if (this.queues.size === 0) return;
    if (Number.isFinite(this.options.capacity)) return this.pumpFairly();
    for (const holder of holders) {
      const { limits, guards } = this.options.policies.of(holder.tenant);
      if (Object.keys(limits).length > 0 || guards.substitutes.size > 0) this.queues.pumpTenant(holder.tenant);
      else if (this.queues.has(holder)) this.queues.pump(holder);
    }
  }

  /** What all tenants share goes first to who runs least for its weight. */
  private pumpFairly(): void {
    const { policies } = this.options;
    for (const queue of fairOrder([...this.queues.all()], (tenant) => policies.of(tenant).weight, this.allocator.occupancy))
      this.queues.pump(queue);
  }

  /** A worker came (back): whoever waits for one of its capabilities may go on. */
  workerAppeared(tenant: string, capabilities: Iterable<string>): void {
    if (this.options.policies.of(tenant).guards.substitutes.size > 0) return this.queues.pumpTenant(tenant);
    for (const capability of capabilities) if (this.queues.has({ tenant, capability })) this.queues.pump({ tenant, capability });
  }

  policyChanged(tenant: string, event: PolicyEvent): void {
    this.allocator.policyChanged(tenant, event);
    this.queues.pumpTenant(tenant);
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
    for (const key of await store.waitingKeys()) this.queues.add(key);
    for (const { tenant } of this.queues.all()) this.allocator.sweepRates(tenant, readAt);
    this.allocator.sweepCounts(readAt);
    this.guarding.tryDue();
    this.pumpFairly();
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

  /** Gives slots to the most urgent steps of a queue that may go on. */
  private async handOut(waiting: WaitingKey): Promise<void> {
    const { tenant, capability } = waiting;
    for (;;) {
      const { store, clock } = this.options;
      const limit = PUMP_BATCH + this.allocator.handedOverCount;
      // Retries that are held back are not even looked at, however many stand in front of the others.
      const held = this.allocator.heldRetries(tenant, capability, clock.now());
      const which = held ? 'fresh' : 'all';
      const rows = await store.waitingHead(tenant, capability, limit, undefined, which);
      if (held) this.queues.pumpAt(waiting, held.readyAt - clock.now());
      else if (rows.length === 0) return this.queues.delete(waiting);
      const outcome = this.give(waiting, rows);
      if (outcome === 'held-up') return;
      if (outcome === 'given') continue;
      // Limits of keys hold up all of the most urgent: look at the head of each key.
      const heads = await store.waitingKeyHeads(tenant, capability, KEYS_LOOKED_AT, which);
      if (this.give(waiting, heads) !== 'given') return;
    }
  }

  private give(waiting: WaitingKey, rows: readonly WaitingRow[]): Handout['outcome'] {
    if (this.epoch === null) return 'held-up';
    const now = this.options.clock.now();
    const { granted, outcome, readyAt, held } = this.allocator.handOut(rows.map(nextAttempt), now);
    if (held) this.guarding.hold(waiting.tenant, held);
    for (const holder of granted) this.options.link.handOver(this.grantOf(holder));
    if (readyAt !== null) this.queues.pumpAt(waiting, readyAt - now);
    return outcome;
  }
}

/** The row says how many attempts there were. */
const nextAttempt = (row: WaitingRow): StepToPlace => ({ ...row, attempt: row.attempt + 1, lease: 1 });
