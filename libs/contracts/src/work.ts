/** What passes between the engine and a worker (contract 3.2). */
import type { JsonObject, JsonValue } from '@mandate/kernel';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { OUTPUT_LIMIT_BYTES } from './outputs.js';
import { REQUEST_LIMITS, StepSpec } from './request.js';
import { IsCapability, IsName, IsUlidText, MaxJsonBytes, IsUsd } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

export const HEARTBEAT_INTERVAL = 'PT5S';

export const EFFECTS = ['none', 'idempotent', 'at-most-once'] as const;
export type Effects = (typeof EFFECTS)[number];

export class CapabilitySpec {
  @IsCapability() name!: string;
  @IsString() @Length(1, 2000) description!: string;
  @Optional() @IsArray() @ArrayMaxSize(64) @IsString({ each: true }) @MaxLength(100, { each: true }) tags?: string[];
  @Optional() @IsInt() @Min(1) @Max(10_000) concurrency?: number;
  @Optional() @IsIn(EFFECTS) effects?: Effects;
}

export class Registration {
  @IsName() name!: string;
  @IsString() @Length(1, 100) version!: string;
  @IsName() instance!: string;
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(256)
  @ValidateNested({ each: true })
  @Type(() => CapabilitySpec)
  capabilities!: CapabilitySpec[];
}

export interface RegistrationAnswer {
  instance: string;
  workSubject: string;
  controlSubject: string;
  heartbeatSubject: string;
  heartbeat: string;
}

export class Heartbeat {
  @IsName() instance!: string;
  @IsArray() @ArrayMaxSize(10_000) @IsUlidText({ each: true }) leases!: string[];
}

/** The offer of an attempt; sent as a request on the worker's work subject. */
export interface Offer {
  delegationId: string;
  stepId: string;
  attempt: number;
  leaseId: string;
  capability: string;
  goal: string;
  input: JsonValue;
  /** Outputs of the direct dependencies by step id. */
  results: Record<string, JsonValue>;
  answers?: Record<string, JsonValue>;
  deadline: string;
  resultSubject: string;
}

export class OfferReply {
  @IsUlidText() leaseId!: string;
  @IsBoolean() accepted!: boolean;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

export class StepError {
  @IsString() @Length(1, 100) code!: string;
  @IsString() @MaxLength(8000) message!: string;
  @IsOptional() @IsBoolean() retryable?: boolean;
}

export class StepQuestion {
  @IsName() id!: string;
  @IsString() @Length(1, 8000) text!: string;
  @Optional() @IsObject() @MaxJsonBytes(REQUEST_LIMITS.inputBytes) schema?: JsonObject;
}

export class StepUsage {
  @Optional() @IsUsd() usd?: string;
  @Optional() @IsInt() @Min(0) @Max(1_000_000_000_000) tokens?: number;
}

export class StepResult {
  @IsUlidText() leaseId!: string;
  @IsIn(['completed', 'failed', 'input_required', 'progress']) status!: 'completed' | 'failed' | 'input_required' | 'progress';
  @Optional() @MaxJsonBytes(OUTPUT_LIMIT_BYTES) output?: JsonValue;
  @ValidateIf((owner: StepResult, value) => value !== undefined || owner.status === 'failed')
  @ValidateNested()
  @Type(() => StepError)
  error?: StepError;
  @ValidateIf((owner: StepResult, value) => value !== undefined || owner.status === 'input_required')
  @ValidateNested()
  @Type(() => StepQuestion)
  question?: StepQuestion;
  @Optional() @ValidateNested() @Type(() => StepUsage) usage?: StepUsage;
  @Optional() @IsArray() @ArrayMaxSize(REQUEST_LIMITS.steps) @ValidateNested({ each: true }) @Type(() => StepSpec) plan?: StepSpec[];
  @Optional() @MaxJsonBytes(8192) progress?: JsonValue;
}

export interface ControlMessage {
  type: 'start' | 'cancel' | 'lease-lost';
  leaseId: string;
  reason?: string;
}
