/** What HTTP takes beside the documents of the contract. */
import {
  PATTERNS,
  REQUEST_LIMITS,
  TASK_STATES,
  IsName,
  IsSha256,
  IsUlidText,
  MaxJsonBytes,
  type Pattern,
  type TaskState,
} from '@mandate/contracts';
import { ENOUGH_USES } from '@mandate/delegation';
import type { JsonValue } from '@mandate/kernel';
import { IsIn, IsInt, IsRFC3339, IsString, Length, Matches, Max, MaxLength, Min, ValidateIf } from 'class-validator';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

export const PAGE_LIMITS = { default: 50, max: 200 } as const;

/** A command of the contract without its `type`, which the path says; the id is made when the body has none. */
export class SteeringBody {
  @Optional() @IsUlidText() commandId?: string;
  @Optional() @IsName() stepId?: string;
  @Optional() @IsName() questionId?: string;
  @Optional() @MaxJsonBytes(REQUEST_LIMITS.inputBytes) answer?: JsonValue;
  /** Of what is approved or denied, as the view shows it. */
  @Optional() @IsSha256() digest?: string;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

/** A command of type `feedback` without its `type`. */
export class FeedbackBody {
  @Optional() @IsUlidText() commandId?: string;
  @IsIn(PATTERNS) pattern!: Pattern;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

export class TemplateQuery {
  /** At least so many uses that served. */
  @IsInt() @Min(2) @Max(1_000) uses: number = ENOUGH_USES;
}

export class AgentListQuery {
  /** All of them without it. */
  @Optional() @IsInt() @Min(1) @Max(PAGE_LIMITS.max) limit?: number;
  @Optional() @IsName() cursor?: string;
}

export class DelegationListQuery {
  @Optional() @IsIn(TASK_STATES) state?: TaskState;
  @Optional() @IsIn(PATTERNS) pattern?: Pattern;
  /** The beginning of an id, or a principal. Goals are encrypted and cannot be searched. */
  @Optional() @IsString() @Length(1, 64) q?: string;
  @Optional() @IsRFC3339() since?: string;
  @IsInt() @Min(1) @Max(PAGE_LIMITS.max) limit: number = PAGE_LIMITS.default;
  @Optional() @IsString() @Length(1, 200) cursor?: string;
}

export class EventListQuery {
  /** Events after this position. */
  @Optional() @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) after?: number;
  @IsInt() @Min(1) @Max(PAGE_LIMITS.max) limit: number = PAGE_LIMITS.default;
  @Optional() @Matches(/^\d{1,15}$/, { message: 'must be the nextCursor of an answer' }) cursor?: string;
}
