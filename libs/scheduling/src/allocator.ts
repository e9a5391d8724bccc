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
import type { BreakerVerdict } from './guards.js';
import { matchWorker, standingsAt, type Matching } from './matching.js';
import { Occupancy, type Drift, type SlotHolder } from './occupancy.js';
import { dimension, type Policy, type PolicyEvent } from './policy.js';
import { RetryCounts, retryBudgetOf, type RetryBlock } from './retry-budget.js';

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
  /** `held-up`: nothing behind these can go on either; `keys`: only limits of keys, or of retries, were in the way of all of them. */
  outcome: 'given' | 'held-up' | 'keys';
  /** When a rate or the retry budget allows the next one. */
  readyAt: number | null;
  /** The retry budget is spent. */
  held: RetryBlock | null;
}

/** An unconfirmed grant this old belongs to an engine that died or hangs: only a new epoch makes it safe to give the slot again. */
export const STALE_GRANT_MS = 10_000;
const HOLDERS_SHOWN = 10;

export class Allocator {
  private slots = new Occupancy();
  private buckets = new Buckets();
  private retries = new RetryCounts();
  private breakers = new BreakerCounts();
  /** Waiting steps whose grant is on its way to the engine that owns them. */
  private readonly handedOver = new Set<string>();

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
    const block = this.blockFor(step, now);
    if (block) return { block };
    const policy = this.around.policyOf(step.tenant);
    const { matching } = this.around;
    const pick = matching && ((free: readonly Free[]) => matchWorker(free, standingsAt(matching, step, now), () => matching.random()));
    const choice = this.chooseWorker(step, policy, pick);
    if ('block' in choice) return choice;
    takeTokens(step, policy, this.buckets, now);
    const { tenant, delegationId, stepId, attempt, lease, capability, key, reason = 'first' } = step;
    const granted = { tenant, delegationId, stepId, attempt, lease, instance: choice.worker.instance, capability, key };
    this.slots.hold(granted, false, now);
    // A further lease is the same attempt, for somebody else.
    if (lease === 1) this.retries.granted(step, reason, now);
    this.breakers.granted(granted, policy.guards);
    return { granted };
  }

  /** Slots for the most urgent steps of a queue that may go on. */
  handOut(waiting: readonly StepToPlace[], now: number): Handout {
    const granted: SlotHolder[] = [];
    let readyAt: number | null = null;
    let held: RetryBlock | null = null;
    for (const step of waiting) {
      if (this.handedOver.has(stepName(step))) continue;
      const choice = this.choose(step, now);
      if ('granted' in choice) {
        this.handedOver.add(stepName(step));
        granted.push(choice.granted);
        continue;
      }
      const { block } = choice;
      if (block.kind === 'retry-budget') held = block;
      if (block.kind === 'rate' || block.kind === 'retry-budget') readyAt = Math.min(readyAt ?? Infinity, block.readyAt);
      if (!isOfStep(block)) return { granted, outcome: 'held-up', readyAt, held };
    }
    return { granted, outcome: granted.length > 0 ? 'given' : 'keys', readyAt, held };
  }

  /** The retries of a capability have to wait; null: they may go on. */
  heldRetries(tenant: string, capability: string, now: number): RetryBlock | null {
    return this.retries.blockOf({ tenant, capability }, retryBudgetOf(this.around.policyOf(tenant).guards.retryBudgets, capability), now);
  }

  explain(candidate: Candidate, now: number): Explanation {
    const choice = this.chooseWorker(candidate, this.around.policyOf(candidate.tenant));
    const block = this.blockFor(candidate, now) ?? ('block' in choice ? choice.block : null);
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
    for (const holder of holders) if (this.slots.giveBack(holder)) this.handedOver.delete(stepName(holder));
  }

  hasStaleGrant(now: number): boolean {
    return this.slots.hasStaleGrant(now - STALE_GRANT_MS);
  }

  /** Another scheduler led until now: nothing that was known before counts, and of a rate's burst nothing is known to be left. */
  takeOver(now: number): void {
    this.slots = new Occupancy();
    this.handedOver.clear();
    this.buckets = new Buckets(now);
    this.retries = new RetryCounts();
    this.breakers = new BreakerCounts();
  }

  /** Makes the slots what is stored, as read from `readAt` on, and answers what differed. `fresh`: the epoch is new, which voids what is not confirmed. */
  reconcile(stored: readonly SlotHolder[], readAt: number, fresh: boolean): Drift {
    const drift = this.slots.reconcile(stored, readAt, !fresh);
    if (fresh) this.handedOver.clear();
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

  private blockFor(candidate: Candidate, now: number): Block | null {
    const { capacity, policyOf } = this.around;
    if (this.slots.size >= capacity) return { kind: 'capacity', max: capacity, running: this.slots.size };
    const policy = policyOf(candidate.tenant);
    return blockOf(candidate, policy, this.slots, this.buckets, now) ?? this.guardOf(candidate, policy, now);
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

/** Others may go on. */
const isOfStep = (block: Block): boolean =>
  block.kind === 'retry-budget' || (block.kind === 'limit' && block.limit === 'key') || (block.kind === 'rate' && block.rate === 'key');
