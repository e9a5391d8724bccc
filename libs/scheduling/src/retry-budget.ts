/**
 * A capability's retries within a share of its traffic, so that a capability in trouble is not buried under second attempts (as Finagle, Linkerd
 * and Envoy have it): within a minute at most `percent` of the first attempts, but always `perMinute`. An attempt that is made again because its
 * worker was lost, declined or was answered is no retry.
 */
import type { AskReason } from '@mandate/contracts';
import type { Candidate } from './blocks.js';
import { EVERY } from './every.js';
import { RollingCount } from './rolling-count.js';

export interface RetryBudget {
  /** Of the first attempts within the window, 0 to 100. */
  percent: number;
  /** Retries within the window that are allowed whatever the traffic is. */
  perMinute: number;
}

export const DEFAULT_RETRY_BUDGET: RetryBudget = { percent: 10, perMinute: 10 };
export const RETRY_WINDOW_MS = 60_000;
const SLOT_MS = 1_000;
const SLOTS = RETRY_WINDOW_MS / SLOT_MS;

export const retryBudgetOf = (budgets: ReadonlyMap<string, RetryBudget>, capability: string): RetryBudget =>
  budgets.get(capability) ?? budgets.get(EVERY) ?? DEFAULT_RETRY_BUDGET;

export const retriesAllowed = ({ percent, perMinute }: RetryBudget, traffic: number): number =>
  Math.max(perMinute, Math.floor((traffic * percent) / 100));

/** Retries that have to wait. `readyAt`: when the first of them may go on. */
export interface RetryBlock {
  kind: 'retry-budget';
  capability: string;
  retries: number;
  traffic: number;
  allowed: number;
  readyAt: number;
}

interface Counts {
  /** No more than the window. */
  traffic: RollingCount;
  /** No less than the window: what is counted in doubt is counted against the budget. */
  retries: RollingCount;
}

type Named = Pick<Candidate, 'tenant' | 'capability'>;

export class RetryCounts {
  private readonly counts = new Map<string, Counts>();

  /** Null: a retry may go on. */
  blockOf({ tenant, capability }: Named, budget: RetryBudget, now: number): RetryBlock | null {
    const counts = this.counts.get(nameOf({ tenant, capability }));
    const retries = counts?.retries.total(now) ?? 0;
    const traffic = counts?.traffic.total(now) ?? 0;
    const allowed = retriesAllowed(budget, traffic);
    if (retries < allowed) return null;
    const readyAt = allowed === 0 ? now + RETRY_WINDOW_MS : (counts?.retries.atMost(allowed - 1, now) ?? now);
    return { kind: 'retry-budget', capability, retries, traffic, allowed, readyAt };
  }

  /** An attempt got its slot. */
  granted({ tenant, capability }: Named, reason: AskReason, now: number): void {
    if (reason !== 'first' && reason !== 'retry') return;
    const name = nameOf({ tenant, capability });
    let counts = this.counts.get(name);
    if (!counts) {
      counts = { traffic: new RollingCount(SLOTS, SLOT_MS), retries: new RollingCount(SLOTS + 1, SLOT_MS) };
      this.counts.set(name, counts);
    }
    (reason === 'retry' ? counts.retries : counts.traffic).add(now);
  }

  /** Nothing within the window says nothing: it is forgotten. */
  sweep(now: number): void {
    for (const [name, { traffic, retries }] of this.counts)
      if (traffic.total(now) === 0 && retries.total(now) === 0) this.counts.delete(name);
  }
}

const nameOf = ({ tenant, capability }: Named): string => `${tenant}/${capability}`;
