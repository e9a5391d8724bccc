/**
 * One engine of a log grants the slots (a PostgreSQL lease with an epoch that every dispatching append carries); the others ask it.
 * Grants are given in memory and confirmed by the append. A scheduler that takes over raises the epoch first, which voids
 * every unconfirmed grant of the one before it, and then reads what is held. What may be granted is decided in @mandate/scheduling.
 */
import type { EventStore, WaitingRow } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import {
  blockOf,
  bucketPrefix,
  Buckets,
  chooseWorker,
  dimension,
  fairOrder,
  Occupancy,
  takeTokens,
  type Block,
  type Candidate,
  type SlotHolder,
  type Worker,
} from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { AgentDirectory } from './agent-directory.js';
import type { Grant, SlotRequest } from './grants.js';
import type { Policies } from './policies.js';
import { handOverKey, WaitingQueues, type WaitingKey } from './waiting-queues.js';

export interface Explanation {
  /** Null: nothing but its turn. */
  block: Block | null;
  holders: SlotHolder[];
}

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
}

const LEASE = 'scheduler';
const LEASE_TTL_MS = 3_000;
/** An unconfirmed grant this old belongs to an engine that died or hangs: only a new epoch makes it safe to give the slot again. */
const STALE_GRANT_MS = 10_000;
const HOLDERS_SHOWN = 10;
const PUMP_BATCH = 256;
/** Keys that are looked at when the most urgent steps are all held up by limits of their keys. */
const KEYS_LOOKED_AT = 1_000;

export class Scheduler {
  readonly occupancy = new Occupancy();
  private buckets = new Buckets();
  private epoch: number | null = null;
  private readonly queues: WaitingQueues;
  private readonly handedOver = new Set<string>();

  constructor(private readonly options: SchedulerOptions) {
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
    const choice = this.choose(request);
    return 'grant' in choice ? choice.grant : null;
  }

  /** Takes a slot of the least loaded worker that may have the step, or says what is in the way. */
  private choose(request: SlotRequest): { grant: Grant } | { block: Block } {
    const { tenant, delegationId, stepId, capability, key } = request;
    const now = this.options.clock.now();
    const policy = this.options.policies.of(tenant);
    const block = this.blockFor(request, now);
    if (block) return { block };
    const choice = chooseWorker(request, this.workersFor(request), policy, this.occupancy);
    if ('block' in choice) return choice;
    takeTokens(request, policy, this.buckets, now);
    const { instance } = choice.worker;
    const holder = { tenant, delegationId, stepId, instance, capability, key };
    this.occupancy.hold(holder, false, now);
    const effects = this.options.agents.find(tenant, instance)?.capabilities.get(capability)?.effects ?? 'idempotent';
    return { grant: { ...holder, effects, schedulerEpoch: this.epoch ?? 0 } };
  }

  private blockFor(candidate: Candidate, now: number): Block | null {
    const { capacity, policies } = this.options;
    if (this.occupancy.size >= capacity) return { kind: 'capacity', max: capacity, running: this.occupancy.size };
    return blockOf(candidate, policies.of(candidate.tenant), this.occupancy, this.buckets, now);
  }

  private workersFor({ tenant, capability, except = null }: Candidate & { except?: string | null }): Worker[] {
    const { agents } = this.options;
    const workers: Worker[] = [];
    for (const agent of agents.ofCapability(tenant, capability))
      if (agent.instance !== except && agents.isOnline(agent))
        workers.push({ instance: agent.instance, name: agent.name, concurrency: agent.capabilities.get(capability)?.concurrency ?? 1 });
    return workers;
  }

  /** Why a step cannot go on just now. Only the scheduler that leads knows. */
  explain(candidate: Candidate): Explanation {
    const { tenant } = candidate;
    const choice = chooseWorker(candidate, this.workersFor(candidate), this.options.policies.of(tenant), this.occupancy);
    const block = this.blockFor(candidate, this.options.clock.now()) ?? ('block' in choice ? choice.block : null);
    return { block, holders: block ? this.holdersBehind(candidate, block) : [] };
  }

  private holdersBehind({ tenant, capability }: Candidate, block: Block): SlotHolder[] {
    if (block.kind === 'limit') return this.occupancy.holdersOf(tenant, dimension(block.limit, block.name), HOLDERS_SHOWN);
    return block.kind === 'busy' ? this.occupancy.holdersOf(tenant, dimension('capability', capability), HOLDERS_SHOWN) : [];
  }

  confirmed(grant: Grant): void {
    if (this.epoch === null) return this.options.link.tell({ kind: 'confirmed', holder: grant });
    this.take({ kind: 'confirmed', holder: grant });
  }

  freed(holders: readonly SlotHolder[]): void {
    if (this.epoch === null) return this.options.link.tell({ kind: 'freed', holders });
    this.take({ kind: 'freed', holders });
  }

  waitingAdded(keys: readonly WaitingKey[]): void {
    if (this.epoch === null) return this.options.link.tell({ kind: 'waiting', keys });
    this.take({ kind: 'waiting', keys });
  }

  /** What an engine, perhaps another one, tells the scheduler. */
  take(note: SchedulerNote): void {
    if (this.epoch === null) return;
    if (note.kind === 'confirmed') {
      this.occupancy.confirm(note.holder);
      this.handedOver.delete(handOverKey(note.holder));
    } else if (note.kind === 'freed') this.free(note.holders);
    else
      for (const key of note.keys) {
        this.queues.add(key);
        this.queues.pump(key);
      }
  }

  private free(holders: readonly SlotHolder[]): void {
    for (const holder of holders) {
      this.occupancy.release(holder);
      this.handedOver.delete(handOverKey(holder));
    }
    if (this.queues.size === 0) return;
    if (Number.isFinite(this.options.capacity)) return this.pumpFairly();
    for (const holder of holders) {
      const { limits } = this.options.policies.of(holder.tenant);
      if (Object.keys(limits).length > 0) this.queues.pumpTenant(holder.tenant);
      else if (this.queues.has(holder)) this.queues.pump(holder);
    }
  }

  /** What all tenants share goes first to who runs least for its weight. */
  private pumpFairly(): void {
    const { policies } = this.options;
    for (const queue of fairOrder([...this.queues.all()], (tenant) => policies.of(tenant).weight, this.occupancy)) this.queues.pump(queue);
  }

  /** A worker came (back): whoever waits for one of its capabilities may go on. */
  workerAppeared(tenant: string, capabilities: Iterable<string>): void {
    for (const capability of capabilities) if (this.queues.has({ tenant, capability })) this.queues.pump({ tenant, capability });
  }

  policyChanged(tenant: string): void {
    this.queues.pumpTenant(tenant);
  }

  /** Takes or keeps the lease, voids stale grants and compares the slots with the store. Called every second. */
  async tick(): Promise<void> {
    const { store, instance, clock, policies } = this.options;
    const stale = this.epoch !== null && this.occupancy.hasStaleGrant(clock.now() - STALE_GRANT_MS);
    const lease = await store.claimLease(LEASE, instance, LEASE_TTL_MS, { raiseEpoch: stale });
    if (!lease) return this.stepDown();
    const fresh = lease.epoch !== this.epoch;
    const takenOver = this.epoch === null;
    this.epoch = lease.epoch;
    const readAt = clock.now();
    if (takenOver) this.buckets = new Buckets(readAt);
    this.occupancy.reconcile(await store.slots(), readAt, !fresh);
    if (fresh) this.handedOver.clear();
    for (const key of await store.waitingKeys()) this.queues.add(key);
    for (const { tenant } of this.queues.all()) this.buckets.sweep(policies.of(tenant).rates, bucketPrefix(tenant), readAt);
    this.pumpFairly();
    await this.queues.idle();
  }

  async stop(): Promise<void> {
    this.queues.stop();
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
      const rows = await this.options.store.waitingHead(tenant, capability, PUMP_BATCH + this.handedOver.size);
      if (rows.length === 0) return this.queues.delete(waiting);
      const outcome = this.give(waiting, rows);
      if (outcome === 'held-up') return;
      if (outcome === 'given') continue;
      // Limits of keys hold up all of the most urgent: look at the head of each key.
      const heads = await this.options.store.waitingKeyHeads(tenant, capability, KEYS_LOOKED_AT);
      if (this.give(waiting, heads) !== 'given') return;
    }
  }

  /** `held-up`: nothing of this queue can go on; `keys`: only limits of keys were in the way of all of `rows`. */
  private give(waiting: WaitingKey, rows: readonly WaitingRow[]): 'given' | 'held-up' | 'keys' {
    let given = 0;
    for (const row of rows) {
      if (this.handedOver.has(handOverKey(row))) continue;
      if (this.epoch === null) return 'held-up';
      const { tenant, delegationId, stepId, capability, key } = row;
      const choice = this.choose({ tenant, delegationId, stepId, capability, key, except: null });
      if ('grant' in choice) {
        given++;
        this.handedOver.add(handOverKey(row));
        this.options.link.handOver(choice.grant);
        continue;
      }
      const { block } = choice;
      if (block.kind === 'rate') this.queues.pumpAt(waiting, block.readyAt - this.options.clock.now());
      if (!isOfKey(block)) return 'held-up';
    }
    return given > 0 ? 'given' : 'keys';
  }
}

const isOfKey = (block: Block): boolean =>
  (block.kind === 'limit' && block.limit === 'key') || (block.kind === 'rate' && block.rate === 'key');
