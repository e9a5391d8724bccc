/** What gave up: messages that could not be taken, and delegations that failed for good. Kept until somebody decides. */
import type { JsonValue } from '@mandate/kernel';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsRFC3339, IsString, Length, Matches, ValidateIf } from 'class-validator';
import { IsCapability, IsIdCursor, IsUlidText } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

export const DEAD_LETTER_KINDS = ['message', 'delegation'] as const;
export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number];
export const DEAD_LETTER_FATES = ['parked', 'redriven', 'discarded'] as const;
export type DeadLetterFate = (typeof DEAD_LETTER_FATES)[number];
/** So many a call. */
export const DEAD_LETTER_BATCH = 200;

/** All that is named has to fit. */
export class DeadLetterFilter {
  @Optional() @IsIn(DEAD_LETTER_KINDS) kind?: DeadLetterKind;
  /** The code with which it gave up. */
  @Optional() @Matches(/^[A-Z0-9_]{1,64}$/, { message: 'must be a code such as STEP_FAILED' }) reason?: string;
  /** Of the step that failed. */
  @Optional() @IsCapability() capability?: string;
  @Optional() @IsUlidText() delegationId?: string;
  /** Parked since this time. */
  @Optional() @IsRFC3339() since?: string;
  @Optional() @IsRFC3339() until?: string;
  @Optional() @IsIdCursor() cursor?: string;
}

/** Which dead letters: these, or all that fit. Something has to be named. */
export class RedriveDeadLetters extends DeadLetterFilter {
  @Optional() @IsArray() @ArrayMinSize(1) @ArrayMaxSize(DEAD_LETTER_BATCH) @IsUlidText({ each: true }) ids?: string[];
  /** Only says what would happen. */
  @Optional() @IsBoolean() dryRun?: boolean;
}

export class DiscardDeadLetters extends RedriveDeadLetters {
  @IsString() @Length(1, 2000) because!: string;
}

export interface DeadLetterItem {
  id: string;
  kind: DeadLetterKind;
  /** The subject that it came by, or that told of it. */
  source: string;
  reason: string;
  detail: string;
  delegationId: string | null;
  capability: string | null;
  /** How often it was tried. */
  attempts: number;
  fate: DeadLetterFate;
  parkedAt: string;
  settledAt: string | null;
}

/** With all that is known of it. */
export interface DeadLetterView extends DeadLetterItem {
  /** Headers of the message; of a delegation, its principal, the step that failed and what its worker said. */
  context: Record<string, string>;
  /** The message, or the request that would ask for the delegation again; what is no JSON as base64. Null once discarded. */
  content: JsonValue | { base64: string };
}

/** What became of those that were named, page by page. */
export interface DeadLettersSettled {
  dryRun: boolean;
  items: { id: string; reason: string; source: string; done: boolean; problem?: string; delegationId?: string }[];
  nextCursor: string | null;
}
