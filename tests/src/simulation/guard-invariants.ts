/** What must hold of breakers and retry budgets, whoever schedules and whatever is lost. */
import {
  breakerName,
  capabilityBreaker,
  retriesAllowed,
  retryBudgetOf,
  RETRY_WINDOW_MS,
  workerBreaker,
  type Allocator,
  type BreakerTarget,
  type Policy,
  type StepToPlace,
} from '@mandate/scheduling';
import type { Invariants } from './invariants.js';
import type { Append } from './log.js';
import { SECOND } from './scenario.js';

/** A grant that was given before a breaker opened, or before its scheduler heard of it, is used this much later at most. */
const GRANT_LIFE_MS = 13 * SECOND;

/** Slots that a queue is given in one go, with some to spare. */
const GRANTS_AT_ONCE = 20;

interface Given {
  capability: string;
  isRetry: boolean;
  at: number;
}

export class GuardInvariants {
  private readonly policies: { from: number; policy: Policy }[] = [];
  private readonly given = new WeakMap<Allocator, Given[]>();

  constructor(private readonly invariants: Invariants) {}

  policyWas(policy: Policy, now: number): void {
    this.policies.push({ from: now, policy });
  }

  /** Nothing begins under a breaker that was open all the time since a grant for it may have been given. */
  appended({ acquire, now }: Append): void {
    const valid = this.policies.filter((_, i) => (this.policies[i + 1]?.from ?? Infinity) > now - GRANT_LIFE_MS);
    const isOpen = (target: BreakerTarget): boolean =>
      valid.every(({ policy }) => policy.guards.breakers.get(breakerName(target))?.state === 'open');
    for (const { delegationId, stepId, instance, capability } of acquire)
      for (const target of [capabilityBreaker(capability), workerBreaker(instance, capability)])
        if (isOpen(target)) this.invariants.fail('breaker', `${delegationId}/${stepId} began while ${breakerName(target)} was open`);
  }

  tookOver(allocator: Allocator): void {
    this.given.delete(allocator);
  }

  /** A scheduler gives no more retries within a minute than the budget that it knows allows. */
  granted(allocator: Allocator, { tenant, capability, lease, reason = 'first' }: StepToPlace, policy: Policy, now: number): void {
    if (lease > 1 || (reason !== 'first' && reason !== 'retry')) return;
    const given = this.given.get(allocator) ?? [];
    given.push({ capability, isRetry: reason === 'retry', at: now });
    this.given.set(allocator, given);
    if (reason !== 'retry') return;
    const { retries, firsts } = this.within(allocator, capability, now - RETRY_WINDOW_MS);
    const allowed = retriesAllowed(retryBudgetOf(policy.guards.retryBudgets, capability), firsts);
    if (retries > allowed)
      this.invariants.fail('retry-budget', `${retries} retries of ${tenant}/${capability} within a minute, ${allowed} allowed`);
  }

  /** Retries may have had to wait while the last grants were given, each of which may have changed that. */
  mayHold(allocator: Allocator, capability: string, policy: Policy, now: number): boolean {
    const { retries, firsts } = this.within(allocator, capability, now - RETRY_WINDOW_MS - SECOND);
    return retries >= retriesAllowed(retryBudgetOf(policy.guards.retryBudgets, capability), Math.max(0, firsts - GRANTS_AT_ONCE));
  }

  private within(allocator: Allocator, capability: string, since: number): { retries: number; firsts: number } {
    const lately = (this.given.get(allocator) ?? []).filter((one) => one.capability === capability && one.at > since);
    const retries = lately.filter(({ isRetry }) => isRetry).length;
    return { retries, firsts: lately.length - retries };
  }
}
