/** Why a step cannot be dispatched just now: the first thing that stands in its way, exactly. */
import type { AskReason } from '@mandate/contracts';
import type { BreakerBlock } from './breaker.js';
import type { Buckets } from './buckets.js';
import type { Occupancy } from './occupancy.js';
import { dimension, entryOf, type LimitKind, type Policy, type RateKind } from './policy.js';
import type { RetryBlock } from './retry-budget.js';

export interface Candidate {
  tenant: string;
  capability: string;
  key: string | null;
  /** Why the attempt is asked for; absent: for the first time. */
  reason?: AskReason;
  /** A substitute of the capability may take it. */
  substitutable?: boolean;
}

export interface Worker {
  instance: string;
  /** Of the program that registered; a pause can name it. */
  name: string;
  concurrency: number;
}

export type Block =
  | { kind: 'paused'; what: 'tenant' | 'capability' | 'agent'; name: string; reason: string }
  | { kind: 'limit'; limit: LimitKind; name: string; max: number; running: number }
  /** All tenants together have as many steps at workers as the log may have. */
  | { kind: 'capacity'; max: number; running: number }
  | { kind: 'rate'; rate: RateKind; name: string; perSecond: number; readyAt: number }
  /** Nobody who can do it is there. */
  | { kind: 'no-worker'; capability: string }
  /** Everybody who can do it and may have something has its hands full. */
  | { kind: 'busy'; capability: string; slots: number }
  /** Everybody who can do it drains or is quarantined, such as this one. */
  | { kind: 'worker-mode'; worker: string; mode: 'draining' | 'quarantined' }
  | RetryBlock
  | BreakerBlock;

/** What stops every worker alike: pauses, limits and rates of tenant, capability and key. Null: nothing. */
export const blockOf = (candidate: Candidate, policy: Policy, occupancy: Occupancy, buckets: Buckets, now: number): Block | null =>
  pauseOf(candidate, policy) ?? limitOf(candidate, policy, occupancy) ?? rateOf(candidate, policy, buckets, now);

const pauseOf = ({ capability }: Candidate, { paused }: Policy): Block | null => {
  for (const [what, name] of [
    ['tenant', ''],
    ['capability', capability],
  ] as const) {
    const reason = paused[dimension(what, name)];
    if (reason !== undefined) return { kind: 'paused', what, name, reason };
  }
  return null;
};

const limitOf = ({ tenant, capability, key }: Candidate, { limits }: Policy, occupancy: Occupancy): Block | null => {
  const names: [LimitKind, string | null][] = [
    ['tenant', ''],
    ['capability', capability],
    ['key', key],
  ];
  for (const [limit, name] of names) {
    if (name === null) continue;
    const max = entryOf(limits, limit, name);
    if (max === undefined) continue;
    const running = occupancy.of(tenant, dimension(limit, name));
    if (running >= max) return { kind: 'limit', limit, name, max, running };
  }
  return null;
};

const rateOf = ({ tenant, capability, key }: Candidate, { rates }: Policy, buckets: Buckets, now: number): Block | null => {
  const names: [RateKind, string | null][] = [
    ['capability', capability],
    ['key', key],
  ];
  for (const [rate, name] of names) {
    const allowed = name === null ? undefined : entryOf(rates, rate, name);
    if (!allowed || name === null) continue;
    const readyAt = buckets.readyAt(bucketName(tenant, rate, name), allowed, now);
    if (readyAt > now) return { kind: 'rate', rate, name, perSecond: allowed.perSecond, readyAt };
  }
  return null;
};

export const bucketPrefix = (tenant: string): string => `${tenant}|`;
const bucketName = (tenant: string, rate: RateKind, name: string): string => bucketPrefix(tenant) + dimension(rate, name);

/** Pays for a dispatch. */
export const takeTokens = ({ tenant, capability, key }: Candidate, { rates }: Policy, buckets: Buckets, now: number): void => {
  for (const [rate, name] of [
    ['capability', capability],
    ['key', key],
  ] as const) {
    const allowed = name === null ? undefined : entryOf(rates, rate, name);
    if (allowed && name !== null) buckets.take(bucketName(tenant, rate, name), allowed, now);
  }
};

/** What keeps this one worker from getting the step. */
export const workerBlock = ({ tenant, capability }: Candidate, worker: Worker, policy: Policy, occupancy: Occupancy): Block | null => {
  const paused = policy.paused[dimension('agent', worker.name)];
  if (paused !== undefined) return { kind: 'paused', what: 'agent', name: worker.name, reason: paused };
  const mode = policy.workers[worker.instance];
  if (mode !== undefined) return { kind: 'worker-mode', worker: worker.instance, mode };
  const max = entryOf(policy.limits, 'worker', worker.instance);
  const running = occupancy.of(tenant, dimension('worker', worker.instance));
  if (max !== undefined && running >= max) return { kind: 'limit', limit: 'worker', name: worker.instance, max, running };
  if (occupancy.ofWorker(tenant, worker.instance, capability) >= worker.concurrency)
    return { kind: 'busy', capability, slots: worker.concurrency };
  return null;
};

/** May have one more. */
export interface Free {
  worker: Worker;
  /** Share of its slots that are taken. */
  load: number;
}

const leastLoaded = (free: readonly Free[]): Worker => free.reduce((best, one) => (one.load < best.load ? one : best)).worker;

export type Choice = { worker: Worker } | { block: Block };

/**
 * One of the workers that may have the step (`pick`; default: the least loaded), or why there is none. `workers`: those that are there and can do it;
 * `brokenOf`: what its breaker says of one of them. A breaker is named only where all that could take the step have one in the way: else it waits
 * for the others.
 */
export const chooseWorker = (
  candidate: Candidate,
  workers: readonly Worker[],
  policy: Policy,
  occupancy: Occupancy,
  brokenOf: (worker: Worker) => BreakerBlock | null = () => null,
  pick: (free: readonly Free[]) => Worker = leastLoaded,
): Choice => {
  const free: Free[] = [];
  let block: Block | null = null;
  let broken: BreakerBlock | null = null;
  let moded: Block | null = null;
  let slots = 0;
  let isBusy = false;
  for (const worker of workers) {
    const own = workerBlock(candidate, worker, policy, occupancy);
    if (own?.kind === 'worker-mode') {
      moded ??= own;
      continue;
    }
    slots += worker.concurrency;
    if (own) {
      if (own.kind === 'busy') isBusy = true;
      else block ??= own;
      continue;
    }
    const breaker = brokenOf(worker);
    if (breaker) {
      broken ??= breaker;
      continue;
    }
    free.push({ worker, load: occupancy.ofWorker(candidate.tenant, worker.instance, candidate.capability) / worker.concurrency });
  }
  if (free.length > 0) return { worker: pick(free) };
  if (workers.length === 0) return { block: { kind: 'no-worker', capability: candidate.capability } };
  return { block: block ?? (isBusy ? null : (broken ?? moded)) ?? { kind: 'busy', capability: candidate.capability, slots } };
};
