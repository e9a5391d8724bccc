/** Flow control as operators change and read it. */
import { IsIn, IsInt, IsNumber, IsString, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { IsCapability, IsDuration, IsLabel, IsName } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);
const For =
  (...types: SchedulingChange['type'][]): PropertyDecorator =>
  (target, property) =>
    ValidateIf((owner: SchedulingChange, value) => value !== undefined || types.includes(owner.type))(target, property);

/** Why an attempt is asked for: `retry` after a failure of the one before, the others without one. */
export type AskReason = 'first' | 'retry' | 'worker-lost' | 'not-accepted' | 'answered';

export const SCHEDULING_CHANGES = [
  'set-limit',
  'remove-limit',
  'set-rate',
  'remove-rate',
  'set-weight',
  'pause',
  'resume',
  'mode-worker',
  'set-retry-budget',
  'remove-retry-budget',
  'set-breaker',
  'remove-breaker',
  'open-breaker',
  'close-breaker',
  'set-substitute',
  'remove-substitute',
] as const;

/** One change of a tenant's policy; applied to the next decision, without a restart. */
export class SchedulingChange {
  @IsIn(SCHEDULING_CHANGES) type!: (typeof SCHEDULING_CHANGES)[number];
  /** Limits: key, capability, worker, tenant. Rates: key, capability. Pauses: tenant, capability, agent. Breakers: capability, worker. */
  @For(
    'set-limit',
    'remove-limit',
    'set-rate',
    'remove-rate',
    'pause',
    'resume',
    'set-breaker',
    'remove-breaker',
    'open-breaker',
    'close-breaker',
  )
  @IsIn(['key', 'capability', 'worker', 'tenant', 'agent'])
  kind?: 'key' | 'capability' | 'worker' | 'tenant' | 'agent';
  /**
   * Of the key, capability, worker or agent; nothing for the tenant; for a retry budget, of the capability. `*` in a limit, rate, retry budget or
   * breaker's thresholds stands for each one that has none of its own.
   */
  @For('set-retry-budget', 'remove-retry-budget', 'set-breaker', 'remove-breaker', 'open-breaker', 'close-breaker')
  @IsLabel(200)
  name?: string;
  /** Steps at workers at once; 0 holds everything up. */
  @For('set-limit') @IsInt() @Min(0) @Max(1_000_000) max?: number;
  @For('set-rate') @IsInt() @Min(1) @Max(1_000_000) burst?: number;
  @For('set-rate') @IsNumber() @Min(0.001) @Max(1_000_000) perSecond?: number;
  @For('set-weight') @IsNumber() @Min(0.01) @Max(1_000) weight?: number;
  @For('mode-worker') @IsName() instance?: string;
  @For('mode-worker') @IsIn(['active', 'draining', 'quarantined']) mode?: 'active' | 'draining' | 'quarantined';
  /** Retries within a minute, of the first attempts within that minute. */
  @For('set-retry-budget') @IsNumber() @Min(0) @Max(100) percent?: number;
  /** Retries that are allowed within a minute however small the traffic is. */
  @For('set-retry-budget') @IsInt() @Min(0) @Max(1_000_000) perMinute?: number;
  /** A breaker opens above this share of failures; 100: never. Default 50. */
  @Optional() @IsNumber() @Min(0) @Max(100) failurePercent?: number;
  /** Ended attempts within the window below which a breaker concludes nothing. Default 10 of a worker, 20 of a capability. */
  @Optional() @IsInt() @Min(1) @Max(1_000_000) volume?: number;
  /** That a breaker looks at; up to an hour. Default PT60S. */
  @Optional() @IsDuration() window?: string;
  /** Until a breaker is half open, doubled each time it opens again, up to five minutes; up to an hour. Default PT15S. */
  @Optional() @IsDuration() openFor?: string;
  /** Attempts let through while a breaker is half open; all have to go well. Default 1. */
  @Optional() @IsInt() @Min(1) @Max(1_000) probes?: number;
  /** Of a worker's breaker, which to open or close; of a substitute, what it stands in for. */
  @For('set-substitute', 'remove-substitute') @IsCapability() capability?: string;
  /** The capability that takes steps while the breaker of the other one is open. */
  @For('set-substitute') @IsCapability() substitute?: string;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

export interface SchedulingView {
  /** Steps at workers now. */
  running: number;
  weight: number;
  limits: { kind: string; name: string; max: number; running: number }[];
  rates: { kind: string; name: string; burst: number; perSecond: number }[];
  paused: { kind: string; name: string; reason: string }[];
  workers: { instance: string; mode: 'draining' | 'quarantined' }[];
  /** By capability; `*`: of those without one of their own. */
  retryBudgets: { name: string; percent: number; perMinute: number }[];
  /** When it was last told that retries wait for the budget; told once a minute at most. */
  retriesHeld: { capability: string; at: string }[];
  breakerRules: { kind: string; name: string; failurePercent: number; volume: number; window: string; openFor: string; probes: number }[];
  /** Those that are not closed. `triesAt`: when it is half open; null: when its probes have ended, or an operator closes it. */
  breakers: BreakerView[];
  substitutes: { capability: string; substitute: string }[];
}

export interface BreakerView {
  kind: 'capability' | 'worker';
  name: string;
  capability: string;
  state: 'open' | 'half-open';
  since: string;
  triesAt: string | null;
  /** Times that it opened since it was closed. */
  openings: number;
  reason: string;
}

/** Why a step has no slot. `position`: 1 = next of its capability; at most 1001, which stands for "more". */
export interface WaitingView {
  since: string;
  priority: number;
  position: number;
  /** Why the attempt is asked for. */
  reason: AskReason;
  /** Null: nothing but its turn. */
  blockedBy: BlockView | null;
  /** Who holds the slots of the limit in the way. */
  holders: { delegationId: string; stepId: string; worker: string }[];
}

export interface BlockView {
  kind: 'paused' | 'limit' | 'capacity' | 'rate' | 'no-worker' | 'busy' | 'worker-mode' | 'retry-budget' | 'breaker';
  [detail: string]: string | number;
}
