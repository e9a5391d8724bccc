/** Making a person's data, or one delegation's, unreadable for good. */
import { IsString, Length, MaxLength, ValidateIf } from 'class-validator';
import { IsUlidText } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

export class ErasureRequest {
  /** All delegations that were asked for with this `dataSubject`, and those that they led to. */
  @ValidateIf((owner: ErasureRequest) => owner.dataSubject !== undefined || owner.delegationId === undefined)
  @IsString({ message: 'or delegationId is needed: whose data is to be erased' })
  @Length(1, 200)
  dataSubject?: string;
  /** One delegation, and those that it led to. */
  @Optional() @IsUlidText() delegationId?: string;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

/** What an erasure would reach just now. */
export interface ErasurePreview {
  of: 'subject' | 'delegation';
  delegations: number;
  /** Keys of the data subject; each delegation has one of its own besides. */
  subjectKeys: number;
  /** Delegations that have to end first, at most ten of them. */
  running: string[];
}

export interface ErasureView {
  id: string;
  of: 'subject' | 'delegation';
  requestedAt: string;
  by: string;
  /** Null while it is being carried out. */
  completedAt: string | null;
  /** Whose data became unreadable. */
  delegations: number;
  /** Keys destroyed. */
  keys: number;
  snapshots: number;
  deadLetters: number;
  /** Times that a database restored to an earlier state brought something back, which was erased again. */
  reapplied: number;
}
