/** Nobody takes a slot from under somebody whose turn it is: by weight among tenants, by urgency (priority and ageing) within one. */
import { blockOf, Buckets, chooseWorker, dimension, entryOf, type SlotHolder } from '@mandate/scheduling';
import type { WaitingStep } from '../log.js';
import { SECOND } from '../scenario.js';
import type { Granted, Ground, Invariant, Rule } from './rule.js';

/** A scheduler knows of who waits within a tick, and one that takes over once the lease of the one before has run out. */
const NOTICED_MS = 10 * SECOND;
/**
 * What comes free is looked at for those who wait a moment later: who comes new in between may take it. That moment would have to be hit
 * again and again for somebody to wait long.
 */
const PASSED_BY_NEW = 2;

export class Turns implements Rule {
  private readonly passed = new Map<string, number>();

  constructor(private readonly ground: Ground) {}

  granted(grant: Granted): void {
    const { holder, urgency, allocator } = grant;
    if (urgency === null) return;
    const { log, now } = this.ground;
    const { occupancy } = allocator;
    const placed = new Set(
      [...log.waiting.values()].flatMap(({ tenant, capability }) =>
        occupancy.holdersOf(tenant, dimension('capability', capability), Infinity).map(nameOf),
      ),
    );
    for (const other of log.waiting.values()) {
      // A retry may wait for its budget, whoever goes first.
      if (other.reason === 'retry') continue;
      if (now - other.since < NOTICED_MS || placed.has(nameOf(other)) || nameOf(other) === nameOf(holder)) continue;
      if (other.tenant === holder.tenant && other.urgency < urgency) this.checkUrgency(grant, other);
      if (other.tenant !== holder.tenant) this.checkShare(grant, other);
    }
  }

  private checkUrgency(grant: Granted, other: WaitingStep): void {
    const { holder } = grant;
    const policy = grant.engine.policyOf(other.tenant);
    const isSame = other.capability === holder.capability;
    const isFree =
      other.key === null || (entryOf(policy.limits, 'key', other.key) ?? entryOf(policy.rates, 'key', other.key)) === undefined;
    if ((isSame && isFree) || this.wasTakenFrom(grant, other))
      this.passedOver(
        grant,
        other,
        'starvation',
        `${nameOf(other)} waits since ${this.ground.since(other.since)}, and ${nameOf(holder)} goes first`,
      );
  }

  private checkShare(grant: Granted, other: WaitingStep): void {
    const { holder, allocator, engine } = grant;
    const share = (tenant: string, less = 0): number => (allocator.occupancy.running(tenant) - less) / engine.policyOf(tenant).weight;
    if (share(other.tenant) >= share(holder.tenant, 1) || !this.wasTakenFrom(grant, other)) return;
    this.passedOver(
      grant,
      other,
      'fairness',
      `${nameOf(other)} waits since ${this.ground.since(other.since)} while its tenant runs ${share(other.tenant)} for its weight, and ${nameOf(holder)} goes first, whose tenant runs ${share(holder.tenant, 1)}`,
    );
  }

  private passedOver({ isNew }: Granted, other: WaitingStep, invariant: Invariant, detail: string): void {
    const times = (this.passed.get(nameOf(other)) ?? 0) + 1;
    this.passed.set(nameOf(other), times);
    if (!isNew || times > PASSED_BY_NEW) this.ground.fail(invariant, detail);
  }

  /** It could have gone on just before, and now it cannot. */
  private wasTakenFrom(grant: Granted, other: WaitingStep): boolean {
    const { allocator, holder } = grant;
    const { occupancy } = allocator;
    if (this.isFree(grant, other)) return false;
    occupancy.giveBack(holder);
    const was = this.isFree(grant, other);
    occupancy.hold(holder, false, this.ground.now);
    return was;
  }

  private isFree({ allocator: { occupancy }, engine }: Granted, other: WaitingStep): boolean {
    const policy = engine.policyOf(other.tenant);
    if (occupancy.size >= this.ground.capacity) return false;
    for (const { capability } of policy.guards.breakers.values()) if (capability === other.capability) return false;
    if (entryOf(policy.rates, 'capability', other.capability) || (other.key !== null && entryOf(policy.rates, 'key', other.key)))
      return false;
    if (blockOf(other, policy, occupancy, new Buckets(), this.ground.now)) return false;
    return 'worker' in chooseWorker(other, engine.workersFor(other.tenant, other.capability), policy, occupancy);
  }
}

const nameOf = ({ delegationId, stepId }: Pick<SlotHolder, 'delegationId' | 'stepId'>): string => `${delegationId}/${stepId}`;
