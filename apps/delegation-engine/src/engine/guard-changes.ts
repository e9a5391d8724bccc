/** Retry budgets, breakers and substitutes as HTTP changes and shows them. */
import type { SchedulingChange, SchedulingView } from '@mandate/contracts';
import { AppError, formatDuration, parseDuration, timestamp } from '@mandate/kernel';
import {
  BREAKER_KINDS,
  DEFAULT_BREAKER_RULES,
  DEFAULT_RETRY_BUDGET,
  EVERY,
  type BreakerKind,
  type BreakerRule,
  type BreakerTarget,
  type GuardCommand,
  type Guards,
} from '@mandate/scheduling';

type GuardChange = SchedulingChange & {
  type: Extract<SchedulingChange['type'], GuardCommand['type']>;
};

export const guardCommandOf = (change: GuardChange, given: { by: string; reason: string; now: number }): GuardCommand => {
  switch (change.type) {
    case 'set-retry-budget':
      return {
        ...given,
        type: change.type,
        capability: change.name ?? '',
        percent: change.percent ?? DEFAULT_RETRY_BUDGET.percent,
        perMinute: change.perMinute ?? DEFAULT_RETRY_BUDGET.perMinute,
      };
    case 'remove-retry-budget':
      return { ...given, type: change.type, capability: change.name ?? '' };
    case 'set-breaker': {
      const named = target(change, BREAKER_KINDS);
      return { ...given, type: change.type, ...named, ...ruleOf(named.kind, change) };
    }
    case 'remove-breaker':
      return { ...given, type: change.type, ...target(change, BREAKER_KINDS) };
    case 'open-breaker':
      return { ...given, type: change.type, ...breakerOf(change) };
    case 'close-breaker':
      return { ...given, type: change.type, ...breakerOf(change), cause: 'operator' };
    case 'set-substitute': {
      const { capability = '', substitute = '' } = change;
      if (capability === substitute) throw invalid('substitute', 'a capability cannot stand in for itself');
      return { ...given, type: change.type, capability, substitute };
    }
    case 'remove-substitute':
      return { ...given, type: change.type, capability: change.capability ?? '' };
  }
};

const LONGEST_MS = 3_600_000;

const ruleOf = (kind: BreakerKind, { failurePercent, volume, window, openFor, probes }: SchedulingChange): BreakerRule => {
  const usual = DEFAULT_BREAKER_RULES[kind];
  return {
    failurePercent: failurePercent ?? usual.failurePercent,
    volume: volume ?? usual.volume,
    windowMs: msOf('window', window) ?? usual.windowMs,
    openMs: msOf('openFor', openFor) ?? usual.openMs,
    probes: probes ?? usual.probes,
  };
};

const msOf = (field: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const ms = parseDuration(text) ?? 0;
  if (ms < 1_000 || ms > LONGEST_MS) throw invalid(field, 'from PT1S to PT1H');
  return ms;
};

/** Which breaker: a worker has one for each of its capabilities. */
const breakerOf = (change: SchedulingChange): BreakerTarget => {
  const { kind, name } = target(change, BREAKER_KINDS);
  if (name === EVERY) throw invalid('name', 'which one? A breaker is opened and closed by its name');
  if (kind === 'capability') return { kind, name, capability: name };
  if (change.capability === undefined) throw invalid('capability', `which capability of ${name}?`);
  return { kind, name, capability: change.capability };
};

const invalid = (field: string, message: string): AppError => new AppError('INVALID_FIELD', 'invalid', `${field}: ${message}`, { field });

/** What holds where nothing is set stands first. */
export const guardsView = (
  guards: Guards,
): Pick<SchedulingView, 'retryBudgets' | 'retriesHeld' | 'breakerRules' | 'breakers' | 'substitutes'> => ({
  retryBudgets: [...new Map([[EVERY, DEFAULT_RETRY_BUDGET], ...guards.retryBudgets])].map(([name, budget]) => ({ name, ...budget })),
  retriesHeld: [...guards.retriesHeld].map(([capability, at]) => ({ capability, at: timestamp(at) })),
  breakerRules: [...new Map([...DEFAULT_RULES, ...guards.breakerRules])].map(([named, { windowMs, openMs, ...rule }]) => ({
    kind: named.slice(0, named.indexOf(':')),
    name: named.slice(named.indexOf(':') + 1),
    ...rule,
    window: formatDuration(windowMs),
    openFor: formatDuration(openMs),
  })),
  breakers: [...guards.breakers.values()].map(({ since, triesAt, ...breaker }) => ({
    ...breaker,
    since: timestamp(since),
    triesAt: triesAt === null ? null : timestamp(triesAt),
  })),
  substitutes: [...guards.substitutes].map(([capability, substitute]) => ({ capability, substitute })),
});

const DEFAULT_RULES = BREAKER_KINDS.map((kind): [string, BreakerRule] => [`${kind}:${EVERY}`, DEFAULT_BREAKER_RULES[kind]]);

/** What a change is about: its kind, and its name where the kind has names. */
export const target = <Kind extends string>(
  { type, kind, name }: SchedulingChange,
  kinds: readonly Kind[],
): { kind: Kind; name: string } => {
  const known = kinds.find((candidate) => candidate === kind);
  if (!known) throw new AppError('INVALID_FIELD', 'invalid', `kind: ${type} knows ${kinds.join(', ')}`, { field: 'kind' });
  if ((known === 'tenant') !== (name === undefined))
    throw new AppError('INVALID_FIELD', 'invalid', known === 'tenant' ? 'name: the tenant has none' : `name: which ${known}?`, {
      field: 'name',
    });
  return { kind: known, name: name ?? '' };
};
