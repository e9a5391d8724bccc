/** Flow control as operators change and read it. */
import { IsIn, IsInt, IsNumber, IsString, Length, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { IsName } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);
const For =
  (...types: SchedulingChange['type'][]): PropertyDecorator =>
  (target, property) =>
    ValidateIf((owner: SchedulingChange, value) => value !== undefined || types.includes(owner.type))(target, property);

export const SCHEDULING_CHANGES = [
  'set-limit',
  'remove-limit',
  'set-rate',
  'remove-rate',
  'set-weight',
  'pause',
  'resume',
  'mode-worker',
] as const;

/** One change of a tenant's policy; applied to the next decision, without a restart. */
export class SchedulingChange {
  @IsIn(SCHEDULING_CHANGES) type!: (typeof SCHEDULING_CHANGES)[number];
  /** Limits: key, capability, worker, tenant. Rates: key, capability. Pauses: tenant, capability, agent. */
  @For('set-limit', 'remove-limit', 'set-rate', 'remove-rate', 'pause', 'resume')
  @IsIn(['key', 'capability', 'worker', 'tenant', 'agent'])
  kind?: 'key' | 'capability' | 'worker' | 'tenant' | 'agent';
  /** Of the key, capability, worker or agent; nothing for the tenant. `*` limits each one that has no limit of its own. */
  @Optional() @IsString() @Length(1, 200) name?: string;
  /** Steps at workers at once; 0 holds everything up. */
  @For('set-limit') @IsInt() @Min(0) @Max(1_000_000) max?: number;
  @For('set-rate') @IsInt() @Min(1) @Max(1_000_000) burst?: number;
  @For('set-rate') @IsNumber() @Min(0.001) @Max(1_000_000) perSecond?: number;
  @For('set-weight') @IsNumber() @Min(0.01) @Max(1_000) weight?: number;
  @For('mode-worker') @IsName() instance?: string;
  @For('mode-worker') @IsIn(['active', 'draining', 'quarantined']) mode?: 'active' | 'draining' | 'quarantined';
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
}

/** Why a step has no slot. `position`: 1 = next of its capability; at most 1001, which stands for "more". */
export interface WaitingView {
  since: string;
  priority: number;
  position: number;
  /** Null: nothing but its turn. */
  blockedBy: BlockView | null;
  /** Who holds the slots of the limit in the way. */
  holders: { delegationId: string; stepId: string; worker: string }[];
}

export interface BlockView {
  kind: 'paused' | 'limit' | 'capacity' | 'rate' | 'no-worker' | 'busy';
  [detail: string]: string | number;
}
