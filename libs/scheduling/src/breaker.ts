/**
 * Circuit breakers of a capability, and of one worker for a capability, with the rule and the words of opossum: too large a share of failures within
 * a rolling window opens it, after a while it is half open and lets a few attempts through, and what becomes of them closes it or opens it again,
 * for twice as long. What it is stands in the policy, as events; only the counts of the window are kept beside it (`BreakerCounts`).
 */
import { EVERY } from './every.js';

export type BreakerKind = 'capability' | 'worker';
export const BREAKER_KINDS: readonly BreakerKind[] = ['capability', 'worker'];

/** `name`: of the capability itself, or of the worker that has it. */
export interface BreakerTarget {
  kind: BreakerKind;
  name: string;
  capability: string;
}

export interface BreakerRule {
  /** It opens above this share of failures; 100 never opens. */
  failurePercent: number;
  /** Ended attempts within the window below which nothing is concluded. */
  volume: number;
  windowMs: number;
  /** Until it is half open for the first time; doubled each time it opens again, up to five minutes. */
  openMs: number;
  /** Attempts let through while half open; all of them have to go well. */
  probes: number;
}

const COMMON_RULE = { failurePercent: 50, windowMs: 60_000, openMs: 15_000, probes: 1 };
/** A worker's opens sooner: one that fails fast gets most of the work, and is to be left out before its capability is. */
export const DEFAULT_BREAKER_RULES: Readonly<Record<BreakerKind, BreakerRule>> = {
  worker: { ...COMMON_RULE, volume: 10 },
  capability: { ...COMMON_RULE, volume: 20 },
};
export const MAX_OPEN_MS = 300_000;

/** One that is not closed. */
export interface Breaker extends BreakerTarget {
  state: 'open' | 'half-open';
  since: number;
  /** When it will be half open; null: it is, or an operator opened it, who has to close it. */
  triesAt: number | null;
  /** Times that it opened since it was closed. */
  openings: number;
  /** Why it is what it is. */
  reason: string;
}

export interface BreakerBlock {
  kind: 'breaker';
  breaker: BreakerKind;
  name: string;
  state: Breaker['state'];
  since: number;
  /** Absent: when an operator closes it, or when its probes have ended. */
  triesAt?: number;
}

export const capabilityBreaker = (capability: string): BreakerTarget => ({ kind: 'capability', name: capability, capability });
export const workerBreaker = (instance: string, capability: string): BreakerTarget => ({ kind: 'worker', name: instance, capability });

export const breakerName = ({ kind, name, capability }: BreakerTarget): string =>
  kind === 'capability' ? `capability:${capability}` : `worker:${name}/${capability}`;

/** Rules are named by kind and name; a worker's one holds for all of its capabilities. */
export const breakerRuleName = ({ kind, name }: Pick<BreakerTarget, 'kind' | 'name'>): string => `${kind}:${name}`;

export const breakerRuleOf = (rules: ReadonlyMap<string, BreakerRule>, { kind, name }: BreakerTarget): BreakerRule =>
  rules.get(breakerRuleName({ kind, name })) ?? rules.get(breakerRuleName({ kind, name: EVERY })) ?? DEFAULT_BREAKER_RULES[kind];

export const isTripped = ({ failurePercent, volume }: BreakerRule, failures: number, ended: number): boolean =>
  ended >= volume && (failures / ended) * 100 > failurePercent;

export const openForMs = ({ openMs }: BreakerRule, openings: number): number =>
  Math.min(Math.max(openMs, MAX_OPEN_MS), openMs * 2 ** (openings - 1));

export const breakerBlock = ({ kind, name, state, since, triesAt }: Breaker): BreakerBlock => ({
  kind: 'breaker',
  breaker: kind,
  name,
  state,
  since,
  ...(triesAt === null ? {} : { triesAt }),
});
