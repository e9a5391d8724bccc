/** What a requester asks (contract 3.1). */
import type { JsonValue } from '@mandate/kernel';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsRFC3339,
  IsString,
  Length,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { IsCapability, IsDuration, IsLabel, IsName, IsSha256, IsStringMap, IsUlidText, MaxJsonBytes, IsUsd } from './rules.js';

export const PATTERNS = ['direct', 'sequential', 'parallel', 'meta'] as const;
export type Pattern = (typeof PATTERNS)[number];

export const REQUEST_DEFAULTS = {
  deadline: 'P1D',
  depth: 5,
  steps: 256,
  stepTimeout: 'PT5M',
  maxAttempts: 3,
  priority: 4,
  approvalTimeout: 'P1D',
} as const;
export const REQUEST_LIMITS = { goal: 8000, inputBytes: 256 * 1024, steps: 1024, dependencies: 1024, tools: 256, keyLength: 200 } as const;

/** Optional means absent: `null` is a value and has to be valid like any other. */
const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

/** What undoes a step that succeeded, when the delegation fails or is canceled afterwards. It gets the step's output in `results`. */
export class Compensation {
  @IsCapability() capability!: string;
  @Optional() @IsString() @Length(1, REQUEST_LIMITS.goal) goal?: string;
  @Optional() @MaxJsonBytes(REQUEST_LIMITS.inputBytes) input?: JsonValue;
}

export class StepSpec {
  @IsName() id!: string;
  @IsCapability() capability!: string;
  @Optional() @IsString() @Length(1, REQUEST_LIMITS.goal) goal?: string;
  @Optional() @MaxJsonBytes(REQUEST_LIMITS.inputBytes) input?: JsonValue;
  @Optional() @IsArray() @ArrayMaxSize(REQUEST_LIMITS.dependencies) @IsName({ each: true }) dependsOn?: string[];
  @Optional() @IsBoolean() irreversible?: boolean;
  @Optional() @IsDuration() timeout?: string;
  @Optional() @IsInt() @Min(1) @Max(100) maxAttempts?: number;
  @Optional() @ValidateNested() @Type(() => Compensation) compensate?: Compensation;
}

export class ToolHint {
  @IsString() @Length(1, 200) id!: string;
  @Optional() @IsString() @MaxLength(2000) description?: string;
}

export class Budget {
  @Optional() @IsDuration() deadline?: string;
  @Optional() @IsInt() @Min(0) @Max(100) depth?: number;
  @Optional() @IsInt() @Min(1) @Max(100_000) steps?: number;
  /** What workers report as their usage; at the limit the delegation stops. */
  @Optional() @IsUsd() usd?: string;
  @Optional() @IsInt() @Min(1) @Max(1_000_000_000_000) tokens?: number;
}

export class ParentLease {
  @IsUlidText() delegationId!: string;
  @IsName() stepId!: string;
  @IsInt() @Min(1) attempt!: number;
  @IsUlidText() leaseId!: string;
}

export class DelegationRequest {
  @Optional() @IsUlidText() id?: string;
  @Optional() @IsString() @Length(1, 200) idempotencyKey?: string;
  @Optional() @IsIn(['return-existing', 'reject']) onDuplicate?: 'return-existing' | 'reject';
  @IsString() @Length(1, REQUEST_LIMITS.goal) goal!: string;
  @Optional() @MaxJsonBytes(REQUEST_LIMITS.inputBytes) input?: JsonValue;
  @Optional() @IsIn(['auto', ...PATTERNS]) pattern?: 'auto' | Pattern;
  @Optional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(REQUEST_LIMITS.steps)
  @ValidateNested({ each: true })
  @Type(() => StepSpec)
  steps?: StepSpec[];
  @Optional() @IsArray() @ArrayMaxSize(REQUEST_LIMITS.tools) @ValidateNested({ each: true }) @Type(() => ToolHint) tools?: ToolHint[];
  /** 9 goes first. Waiting makes up for it: a level is worth a minute. */
  @Optional() @IsInt() @Min(0) @Max(9) priority?: number;
  /** Steps of delegations with the same key can be limited together. */
  @Optional() @IsLabel(REQUEST_LIMITS.keyLength) concurrencyKey?: string;
  @Optional() @ValidateNested() @Type(() => Budget) budget?: Budget;
  /** Nothing begins before this time, and the deadline counts from it. Not both. */
  @Optional() @IsRFC3339() startAt?: string;
  @Optional() @IsDuration() delay?: string;
  @Optional() @IsIn(['never', 'irreversible', 'plan']) approval?: 'never' | 'irreversible' | 'plan';
  /** How long an approval is waited for; then it counts as denied. */
  @Optional() @IsDuration() approvalTimeout?: string;
  @Optional() @ValidateNested() @Type(() => ParentLease) parent?: ParentLease;
  @Optional() @IsString() @Length(1, 200) dataSubject?: string;
  @Optional() @IsStringMap({ entries: 64, keyLength: 100, valueLength: 2000 }) metadata?: Record<string, string>;
}

export class DelegationCommand {
  @IsUlidText() commandId!: string;
  @IsIn(['cancel', 'approve', 'deny', 'answer', 'feedback']) type!: 'cancel' | 'approve' | 'deny' | 'answer' | 'feedback';
  @Optional() @IsName() stepId?: string;
  @Optional() @IsName() questionId?: string;
  @Optional() @MaxJsonBytes(REQUEST_LIMITS.inputBytes) answer?: JsonValue;
  /** Of feedback: what the request really asked for. */
  @Optional() @IsIn(PATTERNS) pattern?: Pattern;
  /** Of what is approved or denied, as the view shows it: the command is refused when something else would run. */
  @Optional() @IsSha256() digest?: string;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}
