/** Replaying the trail: states of the past, and delegations run again with something changed. */
import type { JsonObject, JsonValue } from '@mandate/kernel';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayNotEmpty, IsArray, IsInt, IsNumber, Max, Min, ValidateIf, ValidateNested } from 'class-validator';
import { REQUEST_LIMITS, StepSpec } from './request.js';
import { IsName, IsUlidText } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

/** Exactly one of `threshold`, `steps` and `worker`. */
export class ForkRequest {
  @IsUlidText() delegationId!: string;
  /** The request is decided again: below this confidence it falls back. */
  @Optional() @IsNumber() @Min(0) @Max(1) threshold?: number;
  /** … with these steps. */
  @Optional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(REQUEST_LIMITS.steps)
  @ValidateNested({ each: true })
  @Type(() => StepSpec)
  steps?: StepSpec[];
  /** Steps go to this worker. */
  @Optional() @IsName() worker?: string;
  /** With `worker`: from behind the event at this position on. */
  @Optional() @IsInt() @Min(1) @Max(Number.MAX_SAFE_INTEGER) after?: number;
}

export interface ForkView {
  delegationId: string;
  /** As it would be: `active` where nobody knows what a step would have answered. */
  status: string;
  /** What it came to then. */
  recordedStatus: string;
  diff: {
    is: 'same' | 'changed' | 'removed' | 'added';
    type: string;
    stepId?: string;
    fields?: { [name: string]: { before?: JsonValue; after?: JsonValue } };
  }[];
  /** Steps that recorded results answered. */
  reused: string[];
  /** Steps that would run. */
  open: { stepId: string; capability: string }[];
  /** Steps, or the plan, that somebody would have to approve. */
  approvals: string[];
  /** The default of today, where it stood for a threshold that is not on record: delegations of before it was kept. */
  assumedThreshold?: number;
}

/** One aggregate as it was. */
export interface AggregateStateView {
  at: { position: number; recordedAt: string | null };
  resource: { type: string; id: string; version: number };
  state: JsonObject;
}

/** The whole tenant as it was. */
export interface SystemStateView {
  at: { position: number; recordedAt: string | null };
  /** How many events of each type. */
  events: { [type: string]: number };
  delegations: { requested: number; rejected: number; completed: number; failed: number; canceled: number; active: number };
}

/** A read model that was made anew. */
export interface RebuildView {
  projection: string;
  /** Of the log, up to which it was made. */
  position: number;
  ms: number;
}
