/** How long events are kept, and legal holds. */
import { IsIn, IsInt, IsString, Length, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { IsUlidText } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);
const For = (of: HoldRequest['of']): PropertyDecorator => ValidateIf((owner: HoldRequest, value) => value !== undefined || owner.of === of);

export class RetentionRequest {
  /** Events older than this may be retired; null: none, ever. */
  @ValidateIf((_owner, value) => value !== null) @IsInt() @Min(1) @Max(36_500) days!: number | null;
}

export class HoldRequest {
  @IsIn(['all', 'delegation', 'subject']) of!: 'all' | 'delegation' | 'subject';
  @For('delegation') @IsUlidText() delegationId?: string;
  @For('subject') @IsString() @Length(1, 200) dataSubject?: string;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

export interface HoldView {
  id: string;
  of: 'all' | 'delegation' | 'subject';
  delegationId?: string;
  placedAt: string;
}

export interface RetentionView {
  days: number | null;
  holds: HoldView[];
  lastRunAt: string | null;
  /** `stays`: why it is not retired now; null when it is retired, or due. */
  partitions: { from: number; to: number; retiredAt: string | null; stays: string | null }[];
}

/** What a run did. */
export interface RetentionRunView {
  retired: { from: number; to: number; events: number; kept: number; archive: { file: string; sha256: string; bytes: number } }[];
  deadLetters: number;
  /** Why the next partition stays, and which hold it is. */
  stoppedBy: string;
  holdId?: string;
}
