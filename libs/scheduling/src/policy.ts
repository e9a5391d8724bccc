/**
 * What is decided about a tenant's flow of work, event-sourced: limits, rates, pauses, and what single workers may get, by operators; and its guards
 * (`guards.ts`), by operators and by the scheduler.
 * Pure. A policy is small: it is kept whole in memory by every engine and changes within the time of one event.
 */
import type { Decider } from '@mandate/kernel';
import { breakerName, capabilityBreaker } from './breaker.js';
import { EVERY } from './every.js';
import { decideGuard, evolveGuards, isGuardEvent, NO_GUARDS, type GuardCommand, type GuardEvent, type Guards } from './guards.js';
import { assertRoom, without, type PolicyCommandOf, type PolicyEventOf } from './policy-parts.js';

/** `max` steps at workers at once: of one concurrency key, one capability, one worker, or the whole tenant. */
export type LimitKind = 'key' | 'capability' | 'worker' | 'tenant';
export const LIMIT_KINDS: readonly LimitKind[] = ['key', 'capability', 'worker', 'tenant'];
/** Dispatches a second, after a burst: of one concurrency key or one capability. */
export type RateKind = 'key' | 'capability';
export const RATE_KINDS: readonly RateKind[] = ['key', 'capability'];
export type PauseKind = 'tenant' | 'capability' | 'agent';
export const PAUSE_KINDS: readonly PauseKind[] = ['tenant', 'capability', 'agent'];
/** Draining: finishes what it has. Quarantined: gets nothing any more, and what it has is taken from it. */
export type WorkerMode = 'active' | 'draining' | 'quarantined';

export interface Rate {
  /** Dispatches that may come at once. */
  burst: number;
  perSecond: number;
}

export interface Policy {
  limits: Readonly<Record<string, number>>;
  rates: Readonly<Record<string, Rate>>;
  paused: Readonly<Record<string, string>>;
  workers: Readonly<Record<string, Exclude<WorkerMode, 'active'>>>;
  /** Share of the log's capacity beside other tenants. */
  weight: number;
  guards: Guards;
}

export type PolicyEvent =
  | PolicyEventOf<'limitset', { kind: LimitKind; name: string; max: number }>
  | PolicyEventOf<'limitremoved', { kind: LimitKind; name: string }>
  | PolicyEventOf<'rateset', { kind: RateKind; name: string } & Rate>
  | PolicyEventOf<'rateremoved', { kind: RateKind; name: string }>
  | PolicyEventOf<'weightset', { weight: number }>
  | PolicyEventOf<'paused', { kind: PauseKind; name: string }>
  | PolicyEventOf<'resumed', { kind: PauseKind; name: string }>
  /** `proposal`: of a quarantine, by which it was proposed. */
  | PolicyEventOf<'workermoded', { instance: string; mode: WorkerMode; proposal?: string }>
  | GuardEvent;

export const POLICY_EVENT_PREFIX = 'dev.mandate.policy.';
export const policyEventName = (type: PolicyEvent['type']): string => `${POLICY_EVENT_PREFIX}${type}.v1`;

export type PolicyCommand =
  | PolicyCommandOf<'set-limit', { kind: LimitKind; name: string; max: number }>
  | PolicyCommandOf<'remove-limit', { kind: LimitKind; name: string }>
  | PolicyCommandOf<'set-rate', { kind: RateKind; name: string } & Rate>
  | PolicyCommandOf<'remove-rate', { kind: RateKind; name: string }>
  | PolicyCommandOf<'set-weight', { weight: number }>
  | PolicyCommandOf<'pause', { kind: PauseKind; name: string }>
  | PolicyCommandOf<'resume', { kind: PauseKind; name: string }>
  | PolicyCommandOf<'mode-worker', { instance: string; mode: WorkerMode; proposal?: string }>
  | GuardCommand;

export const OPEN_POLICY: Policy = { limits: {}, rates: {}, paused: {}, workers: {}, weight: 1, guards: NO_GUARDS };

/** How a limit, a rate or a pause is named within a policy. */
export const dimension = (kind: LimitKind | PauseKind, name: string): string => `${kind}:${kind === 'tenant' ? '' : name}`;

/** What a policy says of a name. */
export const entryOf = <Value>(entries: Readonly<Record<string, Value>>, kind: LimitKind, name: string): Value | undefined =>
  entries[dimension(kind, name)] ?? (kind === 'tenant' ? undefined : entries[dimension(kind, EVERY)]);

/** Work for the capability waits, or takes its substitute. */
export const isOpen = ({ guards }: Policy, capability: string): boolean =>
  guards.breakers.get(breakerName(capabilityBreaker(capability)))?.state === 'open';

/** A command that changes nothing gives no event. Throws AppError `TOO_MANY_LIMITS`. */
export const decidePolicy = (command: PolicyCommand, policy: Policy): PolicyEvent[] => {
  const { by, reason, now: at } = command;
  const tag = { by, reason };
  switch (command.type) {
    case 'set-limit': {
      const { kind, name, max } = command;
      assertRoom(policy.limits, dimension(kind, name));
      return policy.limits[dimension(kind, name)] === max ? [] : [{ type: 'limitset', at, data: { kind, name, max, ...tag } }];
    }
    case 'remove-limit': {
      const { kind, name } = command;
      return dimension(kind, name) in policy.limits ? [{ type: 'limitremoved', at, data: { kind, name, ...tag } }] : [];
    }
    case 'set-rate': {
      const { kind, name, burst, perSecond } = command;
      assertRoom(policy.rates, dimension(kind, name));
      const known = policy.rates[dimension(kind, name)];
      if (known?.burst === burst && known.perSecond === perSecond) return [];
      return [{ type: 'rateset', at, data: { kind, name, burst, perSecond, ...tag } }];
    }
    case 'remove-rate': {
      const { kind, name } = command;
      return dimension(kind, name) in policy.rates ? [{ type: 'rateremoved', at, data: { kind, name, ...tag } }] : [];
    }
    case 'set-weight':
      return policy.weight === command.weight ? [] : [{ type: 'weightset', at, data: { weight: command.weight, ...tag } }];
    case 'pause': {
      const { kind, name } = command;
      assertRoom(policy.paused, dimension(kind, name));
      return dimension(kind, name) in policy.paused ? [] : [{ type: 'paused', at, data: { kind, name, ...tag } }];
    }
    case 'resume': {
      const { kind, name } = command;
      return dimension(kind, name) in policy.paused ? [{ type: 'resumed', at, data: { kind, name, ...tag } }] : [];
    }
    case 'mode-worker': {
      const { instance, mode, proposal } = command;
      if ((policy.workers[instance] ?? 'active') === mode) return [];
      return [{ type: 'workermoded', at, data: { instance, mode, ...(proposal === undefined ? {} : { proposal }), ...tag } }];
    }
    default:
      return decideGuard(command, policy.guards);
  }
};

export const evolvePolicy = (policy: Policy, event: PolicyEvent): Policy => {
  if (isGuardEvent(event)) return { ...policy, guards: evolveGuards(policy.guards, event) };
  const { data } = event;
  switch (event.type) {
    case 'limitset':
      return { ...policy, limits: { ...policy.limits, [dimension(event.data.kind, event.data.name)]: event.data.max } };
    case 'limitremoved':
      return { ...policy, limits: without(policy.limits, dimension(event.data.kind, event.data.name)) };
    case 'rateset': {
      const { kind, name, burst, perSecond } = event.data;
      return { ...policy, rates: { ...policy.rates, [dimension(kind, name)]: { burst, perSecond } } };
    }
    case 'rateremoved':
      return { ...policy, rates: without(policy.rates, dimension(event.data.kind, event.data.name)) };
    case 'weightset':
      return { ...policy, weight: event.data.weight };
    case 'paused':
      return { ...policy, paused: { ...policy.paused, [dimension(event.data.kind, event.data.name)]: data.reason } };
    case 'resumed':
      return { ...policy, paused: without(policy.paused, dimension(event.data.kind, event.data.name)) };
    case 'workermoded': {
      const { instance, mode } = event.data;
      const workers = without(policy.workers, instance);
      return { ...policy, workers: mode === 'active' ? workers : { ...workers, [instance]: mode } };
    }
  }
};

export const policyDecider: Decider<PolicyCommand, Policy, PolicyEvent> = {
  initial: OPEN_POLICY,
  decide: decidePolicy,
  evolve: evolvePolicy,
};
