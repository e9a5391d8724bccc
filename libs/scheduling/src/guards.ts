/** What guards capabilities and workers against their own trouble, as part of a tenant's policy: retry budgets, breakers, substitutes. */
import { timestamp } from '@mandate/kernel';
import {
  breakerName,
  breakerRuleName,
  breakerRuleOf,
  openForMs,
  type Breaker,
  type BreakerKind,
  type BreakerRule,
  type BreakerTarget,
} from './breaker.js';
import type { PolicyCommandOf, PolicyEventOf } from './policy-parts.js';
import { assertRoom, withEntry, withoutEntry } from './policy-parts.js';
import { RETRY_WINDOW_MS, type RetryBudget } from './retry-budget.js';

export interface Guards {
  /** By capability. */
  retryBudgets: ReadonlyMap<string, RetryBudget>;
  /** When it was last told that retries of a capability wait. */
  retriesHeld: ReadonlyMap<string, number>;
  breakerRules: ReadonlyMap<string, BreakerRule>;
  /** Those that are not closed. */
  breakers: ReadonlyMap<string, Breaker>;
  /** What may stand in for a capability while its breaker is open. */
  substitutes: ReadonlyMap<string, string>;
}

export const NO_GUARDS: Guards = {
  retryBudgets: new Map(),
  retriesHeld: new Map(),
  breakerRules: new Map(),
  breakers: new Map(),
  substitutes: new Map(),
};

export type GuardEvent =
  | PolicyEventOf<'retrybudgetset', { capability: string } & RetryBudget>
  | PolicyEventOf<'retrybudgetremoved', { capability: string }>
  /** The budget is spent: retries wait. Once a minute at most, however many they are. */
  | PolicyEventOf<
      'retriesheld',
      { capability: string; retries: number; traffic: number; allowed: number; windowMs: number; readyAt: string }
    >
  | PolicyEventOf<'breakerruleset', { kind: BreakerKind; name: string } & BreakerRule>
  | PolicyEventOf<'breakerruleremoved', { kind: BreakerKind; name: string }>
  /** `triesAt`: when it is half open; null: when an operator closes it. The counts are those that it opened of, absent where an operator did it. */
  | PolicyEventOf<
      'breakeropened',
      BreakerTarget & { triesAt: string | null; openings: number; failures?: number; volume?: number; windowMs?: number }
    >
  | PolicyEventOf<'breakerhalfopened', BreakerTarget>
  | PolicyEventOf<'breakerclosed', BreakerTarget>
  | PolicyEventOf<'substituteset', { capability: string; substitute: string }>
  | PolicyEventOf<'substituteremoved', { capability: string }>;

/** What outcomes lead to; `from`: the state of the breaker that it was concluded in. */
export type BreakerVerdict =
  | (BreakerTarget & { type: 'trip-breaker'; from: 'closed' | 'half-open'; failures: number; volume: number; windowMs: number })
  | (BreakerTarget & { type: 'close-breaker'; cause: 'probes' });

export type GuardCommand =
  | PolicyCommandOf<'set-retry-budget', { capability: string } & RetryBudget>
  | PolicyCommandOf<'remove-retry-budget', { capability: string }>
  | PolicyCommandOf<'hold-retries', { capability: string; retries: number; traffic: number; allowed: number; readyAt: number }>
  | PolicyCommandOf<'set-breaker', { kind: BreakerKind; name: string } & BreakerRule>
  | PolicyCommandOf<'remove-breaker', { kind: BreakerKind; name: string }>
  | PolicyCommandOf<'trip-breaker', BreakerTarget & { from: 'closed' | 'half-open'; failures: number; volume: number; windowMs: number }>
  /** Its time has come: it is half open. */
  | PolicyCommandOf<'try-breaker', BreakerTarget>
  | PolicyCommandOf<'open-breaker', BreakerTarget>
  | PolicyCommandOf<'close-breaker', BreakerTarget & { cause: 'probes' | 'operator' }>
  | PolicyCommandOf<'set-substitute', { capability: string; substitute: string }>
  | PolicyCommandOf<'remove-substitute', { capability: string }>;

export const decideGuard = (command: GuardCommand, guards: Guards): GuardEvent[] => {
  const { by, reason, now: at } = command;
  const tag = { by, reason };
  switch (command.type) {
    case 'set-retry-budget': {
      const { capability, percent, perMinute } = command;
      assertRoom(guards.retryBudgets, capability);
      const known = guards.retryBudgets.get(capability);
      if (known?.percent === percent && known.perMinute === perMinute) return [];
      return [{ type: 'retrybudgetset', at, data: { capability, percent, perMinute, ...tag } }];
    }
    case 'remove-retry-budget': {
      const { capability } = command;
      return guards.retryBudgets.has(capability) ? [{ type: 'retrybudgetremoved', at, data: { capability, ...tag } }] : [];
    }
    case 'hold-retries': {
      const { capability, retries, traffic, allowed, readyAt } = command;
      if (at - (guards.retriesHeld.get(capability) ?? -Infinity) < RETRY_WINDOW_MS) return [];
      const data = { capability, retries, traffic, allowed, windowMs: RETRY_WINDOW_MS, readyAt: timestamp(readyAt), ...tag };
      return [{ type: 'retriesheld', at, data }];
    }
    case 'set-breaker':
      return setBreakerRule(command, guards);
    case 'remove-breaker': {
      const { kind, name } = command;
      return guards.breakerRules.has(breakerRuleName(command)) ? [{ type: 'breakerruleremoved', at, data: { kind, name, ...tag } }] : [];
    }
    case 'set-substitute': {
      const { capability, substitute } = command;
      assertRoom(guards.substitutes, capability);
      if (guards.substitutes.get(capability) === substitute) return [];
      return [{ type: 'substituteset', at, data: { capability, substitute, ...tag } }];
    }
    case 'remove-substitute': {
      const { capability } = command;
      return guards.substitutes.has(capability) ? [{ type: 'substituteremoved', at, data: { capability, ...tag } }] : [];
    }
    default:
      return decideBreaker(command, guards);
  }
};

const setBreakerRule = (command: Extract<GuardCommand, { type: 'set-breaker' }>, { breakerRules }: Guards): GuardEvent[] => {
  const { kind, name, failurePercent, volume, windowMs, openMs, probes, by, reason, now: at } = command;
  const rule: BreakerRule = { failurePercent, volume, windowMs, openMs, probes };
  const key = breakerRuleName(command);
  assertRoom(breakerRules, key);
  const known = breakerRules.get(key);
  if (known && (Object.keys(rule) as (keyof BreakerRule)[]).every((field) => known[field] === rule[field])) return [];
  return [{ type: 'breakerruleset', at, data: { kind, name, ...rule, by, reason } }];
};

type OfBreaker = Extract<GuardCommand, { type: 'trip-breaker' | 'try-breaker' | 'open-breaker' | 'close-breaker' }>;

const decideBreaker = (command: OfBreaker, { breakers, breakerRules }: Guards): GuardEvent[] => {
  const { kind, name, capability, by, reason, now: at } = command;
  const target = { kind, name, capability };
  const tag = { by, reason };
  const known = breakers.get(breakerName(command));
  switch (command.type) {
    case 'trip-breaker': {
      if ((known?.state ?? 'closed') !== command.from) return [];
      if (!known) assertRoom(breakers, breakerName(command));
      const { failures, volume, windowMs } = command;
      const openings = (known?.openings ?? 0) + 1;
      const triesAt = timestamp(at + openForMs(breakerRuleOf(breakerRules, target), openings));
      return [{ type: 'breakeropened', at, data: { ...target, triesAt, openings, failures, volume, windowMs, ...tag } }];
    }
    case 'try-breaker': {
      const isDue = known?.state === 'open' && known.triesAt !== null && known.triesAt <= at;
      return isDue ? [{ type: 'breakerhalfopened', at, data: { ...target, ...tag } }] : [];
    }
    case 'open-breaker':
      if (!known) assertRoom(breakers, breakerName(command));
      if (known?.state === 'open' && known.triesAt === null) return [];
      return [{ type: 'breakeropened', at, data: { ...target, triesAt: null, openings: (known?.openings ?? 0) + 1, ...tag } }];
    case 'close-breaker':
      if (!known || (command.cause === 'probes' && known.state !== 'half-open')) return [];
      return [{ type: 'breakerclosed', at, data: { ...target, ...tag } }];
  }
};

export const evolveGuards = (guards: Guards, event: GuardEvent): Guards => {
  switch (event.type) {
    case 'retrybudgetset': {
      const { capability, percent, perMinute } = event.data;
      return { ...guards, retryBudgets: withEntry(guards.retryBudgets, capability, { percent, perMinute }) };
    }
    case 'retrybudgetremoved':
      return { ...guards, retryBudgets: withoutEntry(guards.retryBudgets, event.data.capability) };
    case 'retriesheld':
      return { ...guards, retriesHeld: withEntry(guards.retriesHeld, event.data.capability, event.at) };
    case 'breakerruleset': {
      const { failurePercent, volume, windowMs, openMs, probes } = event.data;
      const rule = { failurePercent, volume, windowMs, openMs, probes };
      return { ...guards, breakerRules: withEntry(guards.breakerRules, breakerRuleName(event.data), rule) };
    }
    case 'breakerruleremoved':
      return { ...guards, breakerRules: withoutEntry(guards.breakerRules, breakerRuleName(event.data)) };
    case 'substituteset':
      return { ...guards, substitutes: withEntry(guards.substitutes, event.data.capability, event.data.substitute) };
    case 'substituteremoved':
      return { ...guards, substitutes: withoutEntry(guards.substitutes, event.data.capability) };
    default:
      return { ...guards, breakers: breakersAfter(guards.breakers, event) };
  }
};

type BreakerEvent = Extract<GuardEvent, { type: 'breakeropened' | 'breakerhalfopened' | 'breakerclosed' }>;

const breakersAfter = (breakers: Guards['breakers'], event: BreakerEvent): Guards['breakers'] => {
  const { kind, name, capability, reason } = event.data;
  const key = breakerName(event.data);
  if (event.type === 'breakerclosed') return withoutEntry(breakers, key);
  if (event.type === 'breakeropened') {
    const triesAt = event.data.triesAt === null ? null : Date.parse(event.data.triesAt);
    const { openings } = event.data;
    return withEntry(breakers, key, { kind, name, capability, state: 'open', since: event.at, triesAt, openings, reason });
  }
  const known = breakers.get(key);
  return known ? withEntry(breakers, key, { ...known, state: 'half-open', since: event.at, triesAt: null, reason }) : breakers;
};

export const isGuardEvent = (event: { type: string }): event is GuardEvent => GUARD_EVENTS.has(event.type);
const GUARD_EVENTS: ReadonlySet<string> = new Set<GuardEvent['type']>([
  'retrybudgetset',
  'retrybudgetremoved',
  'retriesheld',
  'breakerruleset',
  'breakerruleremoved',
  'breakeropened',
  'breakerhalfopened',
  'breakerclosed',
  'substituteset',
  'substituteremoved',
]);
