/**
 * ★ Who gets a slot: what the one scheduler of a log knows, and what it decides from it. No clock and no I/O: the engine's scheduler feeds it
 * with requests, news and what is stored, and so does the simulation.
 *
 * A grant is held from the moment it is given and confirmed by the append that records the dispatch; a scheduler that takes over raises the
 * epoch that every such append carries, which voids what its predecessor granted and nobody confirmed.
 */
import {
  blockOf,
  bucketPrefix,
  chooseWorker,
  takeTokens,
  type Block,
  type Candidate,
  type Choice,
  type Free,
  type Worker,
} from './blocks.js';
import { capabilityBreaker, workerBreaker, type BreakerBlock } from './breaker.js';
import { BreakerCounts, type AttemptOutcome } from './breaker-counts.js';
import { Buckets } from './buckets.js';
import { Contention } from './contention.js';
import type { BreakerVerdict } from './guards.js';
import { matchWorker, standingsAt, type Matching } from './matching.js';
import { Occupancy, type Drift, type SlotHolder } from './occupancy.js';
import { dimension, type Policy, type PolicyEvent } from './policy.js';
import { RetryCounts, retryBudgetOf, type RetryBlock } from './retry-budget.js';
import { Turns, type Queue, type QueueName, type QueueOutcome } from './turns.js';

/** A step that could begin if it had a slot. */
export interface StepToPlace extends Candidate {
  delegationId: string;
  stepId: string;
  /** The attempt and the lease that would begin. */
  attempt: number;
  lease: number;
  /** An instance that just declined. */
  except?: string | null;
}

/** What stands around the slots. */
export interface Surroundings {
  /** Steps at workers at once, of all tenants. */
  capacity: number;
  policyOf: (tenant: string) => Policy;
  /** Those that are there and can do it. */
  workersFor: (tenant: string, capability: string) => readonly Worker[];
  /** Others wait for the capability: it has nothing to lend. Absent: nobody waits. */
  isQueued?: (tenant: string, capability: string) => boolean;
  /** Absent: the least loaded worker gets it, whatever its reputation. */
  matching?: Matching;
}

export interface Explanation {
  /** Null: nothing but its turn. */
  block: Block | null;
  holders: SlotHolder[];
}

export interface Handout {
  granted: SlotHolder[];
  /** What became of each queue, in their order. */
  queues: QueueOutcome[];
}

/** An unconfirmed grant this old belongs to an engine that died or hangs: only a new epoch makes it safe to give the slot again. */
export const STALE_GRANT_MS = 10_000;
const HOLDERS_SHOWN = 10;

export class Allocator {
  private slots = new Occupancy();
  private buckets = new Buckets();
  private retries = new RetryCounts();
  private breakers = new BreakerCounts();
  private readonly contention = new Contention();
  /** Waiting steps whose grant is on its way to the engine that owns them, with their queues. */
  private readonly handedOver = new Map<string, QueueName>();

  constructor(private readonly around: Surroundings) {}

  get occupancy(): Occupancy {
    return this.slots;
  }

  get handedOverCount(): number {
    return this.handedOver.size;
  }

  /**
   * A slot of the worker that matches best among those that may have the step, or what is in the way. Where that is a breaker, the capability's
   * substitute may take the step, with what its own work leaves free: the slot then names that capability.
   */
  choose(step: StepToPlace, now: number): { granted: SlotHolder } | { block: Block } {
    const choice = this.chooseAs(step, now);
    if ('granted' in choice || choice.block.kind !== 'breaker' || !step.substitutable) return choice;
    const { tenant } = step;
    const capability = this.around.policyOf(tenant).guards.substitutes.get(step.capability);
    if (capability === undefined || this.around.isQueued?.(tenant, capability)) return choice;
    const lent = this.chooseAs({ ...step, capability }, now);
    return 'granted' in lent ? lent : choice;
  }

  private chooseAs(step: StepToPlace, now: number): { granted: SlotHolder } | { block: Block } {
    const policy = this.around.policyOf(step.tenant);
    const block = this.blockFor(step, policy, now);
    if (block) return { block };
    const { matching } = this.around;
    const pick = matching && ((free: readonly Free[]) => matchWorker(free, standingsAt(matching, step, now), () => matching.random()));
    const choice = this.chooseWorker(step, policy, pick);
    if ('block' in choice) return choice;
    const full = this.fullLog();
    if (full) return { block: full };
    takeTokens(step, policy, this.buckets, now);
    const { tenant, delegationId, stepId, attempt, lease, capability, key, reason = 'first' } = step;
    const granted = { tenant, delegationId, stepId, attempt, lease, instance: choice.worker.instance, capability, key };
    this.slots.hold(granted, false, now);
    // A further lease is the same attempt, for somebody else.
    if (lease === 1) this.retries.granted(step, reason, now);
    this.breakers.granted(granted, policy.guards);
    return { granted };
  }

  /**
   * Slots for the steps of these queues that may go on. The tenant that runs least for its weight goes first where tenants share the capacity,
   * and within a tenant the most urgent step, whatever its capability: queues that share a limit cannot starve each other.
   */
  handOut(queues: readonly Queue[], now: number): Handout {
    const granted: SlotHolder[] = [];
    const turns = new Turns(queues, Number.isFinite(this.around.capacity) ? (tenant) => this.share(tenant) : () => 0);
    for (let turn = turns.next(); turn; turn = turns.next()) {
      const { step } = turn;
      if (this.handedOver.has(stepName(step))) {
        turn.passed();
        continue;
      }
      const choice = this.choose(step, now);
      if ('granted' in choice) {
        this.handedOver.set(stepName(step), { tenant: step.tenant, capability: step.capability });
        granted.push(choice.granted);
        turn.granted();
      } else turn.blocked(choice.block);
    }
    for (const held of turns.held) this.contention.set(held);
    return { granted, queues: turns.outcomes };
  }

  /** Running steps for the tenant's weight. */
  private share(tenant: string): number {
    return this.slots.running(tenant) / this.around.policyOf(tenant).weight;
  }

  /** Somebody waits there, nobody knows yet for what. */
  queued(queue: QueueName): void {
    this.contention.unknown(queue);
  }

  /** Nobody waits there any more. */
  emptied(queue: QueueName): void {
    this.contention.delete(queue);
  }

  /** Others wait for what this step, which did not wait yet, would take: it has to queue up. */
  mustQueue(candidate: Candidate): boolean {
    return this.contention.of(candidate, Number.isFinite(this.around.capacity));
  }

  /** The retries of a capability have to wait; null: they may go on. */
  heldRetries(tenant: string, capability: string, now: number): RetryBlock | null {
    return this.retries.blockOf({ tenant, capability }, retryBudgetOf(this.around.policyOf(tenant).guards.retryBudgets, capability), now);
  }

  explain(candidate: Candidate, now: number): Explanation {
    const policy = this.around.policyOf(candidate.tenant);
    const choice = this.chooseWorker(candidate, policy);
    const own = this.blockFor(candidate, policy, now) ?? ('block' in choice ? choice.block : null);
    const block = own ?? this.fullLog();
    return { block, holders: block ? this.holdersBehind(candidate, block) : [] };
  }

  /** An attempt ended: what breakers conclude from it. */
  ended(outcome: AttemptOutcome, now: number): BreakerVerdict[] {
    const { workers, guards } = this.around.policyOf(outcome.tenant);
    // What a quarantine took away was not lost by the worker.
    if (outcome.result === 'lost' && workers[outcome.instance] === 'quarantined') return [];
    return this.breakers.ended(outcome, guards, now);
  }

  policyChanged(tenant: string, event: PolicyEvent): void {
    if (event.type === 'breakeropened' || event.type === 'breakerhalfopened' || event.type === 'breakerclosed')
      this.breakers.changed(tenant, event.data);
  }

  /** The append that records the dispatch was made. */
  confirm(holder: SlotHolder, now: number): void {
    this.slots.confirm(holder, now);
    this.handedOver.delete(stepName(holder));
  }

  /** Attempts ended. */
  free(holders: readonly SlotHolder[]): void {
    for (const holder of holders) if (this.slots.release(holder)) this.handedOver.delete(stepName(holder));
  }

  /** Grants of this epoch were not used. */
  takeBack(holders: readonly SlotHolder[]): void {
    for (const holder of holders) if (this.slots.giveBack(holder)) this.waitsAgain(stepName(holder));
  }

  /** Its grant came to nothing: who comes new must not get ahead of it before its queue is looked at. */
  private waitsAgain(name: string): void {
    const queue = this.handedOver.get(name);
    if (queue) this.contention.unknown(queue);
    this.handedOver.delete(name);
  }

  hasStaleGrant(now: number): boolean {
    return this.slots.hasStaleGrant(now - STALE_GRANT_MS);
  }

  /** Another scheduler led until now: nothing that was known before counts, and of a rate's burst nothing is known to be left. */
  takeOver(now: number): void {
    this.slots = new Occupancy();
    this.handedOver.clear();
    this.contention.clear();
    this.buckets = new Buckets(now);
    this.retries = new RetryCounts();
    this.breakers = new BreakerCounts();
  }

  /** Makes the slots what is stored, as read from `readAt` on, and answers what differed. `fresh`: the epoch is new, which voids what is not confirmed. */
  reconcile(stored: readonly SlotHolder[], readAt: number, fresh: boolean): Drift {
    const drift = this.slots.reconcile(stored, readAt, !fresh);
    if (fresh) for (const name of [...this.handedOver.keys()]) this.waitsAgain(name);
    else for (const holder of stored) this.handedOver.delete(stepName(holder));
    return fresh ? { leaked: [], unknown: [] } : drift;
  }

  sweepRates(tenant: string, now: number): void {
    this.buckets.sweep(this.around.policyOf(tenant).rates, bucketPrefix(tenant), now);
  }

  /** Forgets what nothing was counted in for a window. */
  sweepCounts(now: number): void {
    this.retries.sweep(now);
    this.breakers.sweep(now);
  }

  private chooseWorker(step: Candidate & { except?: string | null }, policy: Policy, pick?: (free: readonly Free[]) => Worker): Choice {
    const { tenant, capability } = step;
    const brokenOf = ({ instance }: Worker): BreakerBlock | null =>
      this.breakers.blockOf(tenant, workerBreaker(instance, capability), policy.guards, this.slots);
    return chooseWorker(step, this.workersFor(step), policy, this.slots, brokenOf, pick);
  }

  private workersFor({ tenant, capability, except = null }: Candidate & { except?: string | null }): readonly Worker[] {
    const workers = this.around.workersFor(tenant, capability);
    return except === null ? workers : workers.filter(({ instance }) => instance !== except);
  }

  private blockFor(candidate: Candidate, policy: Policy, now: number): Block | null {
    return blockOf(candidate, policy, this.slots, this.buckets, now) ?? this.guardOf(candidate, policy, now);
  }

  /** Last of all that can be in the way: who waits for the capacity could go on but for it. */
  private fullLog(): Block | null {
    const { capacity } = this.around;
    return this.slots.size >= capacity ? { kind: 'capacity', max: capacity, running: this.slots.size } : null;
  }

  private guardOf({ tenant, capability, reason }: Candidate, { guards }: Policy, now: number): Block | null {
    const held = reason === 'retry' ? this.heldRetries(tenant, capability, now) : null;
    return held ?? this.breakers.blockOf(tenant, capabilityBreaker(capability), guards, this.slots);
  }

  private holdersBehind({ tenant, capability }: Candidate, block: Block): SlotHolder[] {
    if (block.kind === 'limit') return this.slots.holdersOf(tenant, dimension(block.limit, block.name), HOLDERS_SHOWN);
    return block.kind === 'busy' ? this.slots.holdersOf(tenant, dimension('capability', capability), HOLDERS_SHOWN) : [];
  }
}

const stepName = ({ tenant, delegationId, stepId }: { tenant: string; delegationId: string; stepId: string }): string =>
  `${tenant}/${delegationId}/${stepId}`;
