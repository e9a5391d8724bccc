/** Nothing begins under a breaker that is open, and no scheduler gives more retries within a minute than the budget that it knows. */
import {
  breakerName,
  capabilityBreaker,
  retriesAllowed,
  retryBudgetOf,
  RETRY_WINDOW_MS,
  workerBreaker,
  type Allocator,
  type BreakerTarget,
} from '@mandate/scheduling';
import type { Appended, Granted, Ground, Rule } from './rule.js';

interface Given {
  queue: string;
  isRetry: boolean;
  at: number;
}

export class Guards implements Rule {
  private readonly given = new WeakMap<Allocator, Given[]>();

  constructor(private readonly ground: Ground) {}

  appended({ append: { acquire } }: Appended): void {
    for (const slot of acquire) {
      const policies = this.ground.policiesFor(slot.tenant, this.ground.grantOf(slot).at);
      const isOpen = (target: BreakerTarget): boolean =>
        policies.every(({ guards }) => guards.breakers.get(breakerName(target))?.state === 'open');
      for (const target of [capabilityBreaker(slot.capability), workerBreaker(slot.instance, slot.capability)])
        if (isOpen(target)) this.ground.fail('breaker', `${slot.delegationId}/${slot.stepId} began while ${breakerName(target)} was open`);
    }
  }

  granted({ holder, reason, allocator, engine }: Granted): void {
    if (holder.lease > 1 || (reason !== 'first' && reason !== 'retry')) return;
    const { now } = this.ground;
    const queue = `${holder.tenant}/${holder.capability}`;
    const given = [...(this.given.get(allocator) ?? []), { queue, isRetry: reason === 'retry', at: now }];
    this.given.set(allocator, given);
    if (reason !== 'retry') return;
    const lately = given.filter((one) => one.queue === queue && one.at > now - RETRY_WINDOW_MS);
    const retries = lately.filter(({ isRetry }) => isRetry).length;
    const budget = retryBudgetOf(engine.policyOf(holder.tenant).guards.retryBudgets, holder.capability);
    const allowed = retriesAllowed(budget, lately.length - retries);
    if (retries > allowed) this.ground.fail('retry-budget', `${retries} retries of ${queue} within a minute, ${allowed} allowed`);
  }

  /** What it counted before is not known to a scheduler that takes over. */
  tookOver(allocator: Allocator): void {
    this.given.delete(allocator);
  }
}
