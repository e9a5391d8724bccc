/** Delegations that are asked for again and again, at the times of a cron pattern. */
import { Type } from 'class-transformer';
import { IsIn, IsString, Length, ValidateIf, ValidateNested } from 'class-validator';
import { DelegationRequest } from './request.js';
import { IsDuration, IsUlidText } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

export const OVERLAPS = ['skip', 'buffer-one', 'allow', 'cancel-other'] as const;
export type Overlap = (typeof OVERLAPS)[number];
export const SCHEDULE_DEFAULTS = { timezone: 'UTC', overlap: 'skip', catchUp: 'PT1M' } as const;

export class NewSchedule {
  @Optional() @IsUlidText() id?: string;
  @Optional() @IsString() @Length(1, 200) name?: string;
  /** Five fields, or @hourly, @daily, …: `0 9 * * MON-FRI`. */
  @IsString() @Length(1, 200) cron!: string;
  /** IANA name; default UTC. */
  @Optional() @IsString() @Length(1, 64) timezone?: string;
  /** While the one before still runs: leave this one out (default), keep one for then, begin all the same, or cancel the other. */
  @Optional() @IsIn(OVERLAPS) overlap?: Overlap;
  /** How late a time may still be made up for, after nobody was there; default a minute. */
  @Optional() @IsDuration() catchUp?: string;
  /** What is asked for each time, without id, idempotencyKey and parent. */
  @ValidateNested() @Type(() => DelegationRequest) request!: DelegationRequest;
}

export class ScheduleChange {
  @Optional() @IsString() @Length(1, 2000) reason?: string;
}

export interface ScheduleView {
  id: string;
  name: string | null;
  cron: string;
  timezone: string;
  overlap: Overlap;
  catchUp: string;
  state: 'active' | 'paused';
  /** Absent in lists. */
  request?: DelegationRequest | { erased: true };
  principal: string;
  createdAt: string;
  nextAt: string | null;
  /** One waits for the one before it to end. */
  bufferedAt: string | null;
  /** The last ones, newest first: asked for, left out because of overlap, or missed. */
  recent: { dueAt: string; what: 'triggered' | 'skipped' | 'missed'; delegationId?: string }[];
}
