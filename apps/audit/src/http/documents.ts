/** What the routes take beside the documents of the contract. */
import { EXPORT_FORMATS, type ExportFormat } from '@mandate/audit-trail';
import { IsIdCursor } from '@mandate/contracts';
import { IsBoolean, IsIn, IsInt, IsRFC3339, IsString, Length, Matches, Max, Min, ValidateIf } from 'class-validator';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

export const PAGE_LIMITS = { default: 50, max: 500 } as const;

export const OUTCOMES = ['success', 'failure', 'denied'] as const;

export class PageQuery {
  @IsInt() @Min(1) @Max(PAGE_LIMITS.max) limit: number = PAGE_LIMITS.default;
  @Optional() @IsIdCursor() cursor?: string;
}

/** Which events; what is not named does not matter. */
export class EventFilter {
  /** Who did it. */
  @Optional() @IsString() @Length(1, 200) actor?: string;
  /** In whose name it was done, at any place of the chain. */
  @Optional() @IsString() @Length(1, 200) onBehalfOf?: string;
  /** A type such as dev.mandate.delegation.completed.v1, or the beginning of some, ending in a dot. */
  @Optional() @IsString() @Length(1, 200) action?: string;
  /** `delegation`, or one of them: `delegation/01KB…`. */
  @Optional() @Matches(/^[a-z0-9-]{1,60}(\/[^/]{1,200})?$/, { message: 'must be <type> or <type>/<id>' }) resource?: string;
  @Optional() @IsIn(OUTCOMES) outcome?: (typeof OUTCOMES)[number];
  /** Recorded at or after this time. */
  @Optional() @IsRFC3339() since?: string;
  /** Recorded before this time. */
  @Optional() @IsRFC3339() until?: string;
  /** A W3C trace id. */
  @Optional() @Matches(/^[0-9a-f]{32}$/, { message: 'must be 32 hexadecimal digits' }) trace?: string;
  /** Words of the action, the reason and the data, all of which must occur. Personal fields are encrypted and cannot be searched. */
  @Optional() @IsString() @Length(1, 200) q?: string;
}

export class EventQuery extends EventFilter {
  @IsInt() @Min(1) @Max(PAGE_LIMITS.max) limit: number = PAGE_LIMITS.default;
  @Optional() @Matches(/^\d{1,15}$/, { message: 'must be the nextCursor of an answer' }) cursor?: string;
}

export class StateQuery {
  /** A position, or a time (RFC 3339); without it now. */
  @Optional()
  @Matches(/^(\d{1,15}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))$/, { message: 'must be a position or an RFC 3339 time' })
  at?: string;
  /** `<type>/<id>`; without it the whole tenant. */
  @Optional() @Matches(/^[a-z0-9-]{1,60}\/[^/]{1,200}$/, { message: 'must be <type>/<id>' }) resource?: string;
}

export class ExportQuery extends EventFilter {
  /** jsonl holds the stored records; ocsf is OCSF 1.3.0 API Activity, a JSON object a line; syslog is RFC 5424 with CEF, a message a line. */
  @IsIn(EXPORT_FORMATS) format: ExportFormat = 'jsonl';
  /** Events behind this position: where an earlier export ended. */
  @Optional() @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) after?: number;
  /** Goes on with what is recorded from now on, until the reader leaves. */
  @IsBoolean() follow: boolean = false;
}

export class ExportProofQuery extends EventFilter {
  /** That of the export. */
  @IsIn(EXPORT_FORMATS) format: ExportFormat = 'jsonl';
  @Optional() @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) after?: number;
  /** What the export's answer says in Mandate-Log-Size. */
  @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) size!: number;
}

const SIZE = { message: 'must be a size of the log' };

export class ConsistencyQuery {
  @Matches(/^\d{1,15}$/, SIZE) from!: string;
  /** Default: the signed size. */
  @Optional() @Matches(/^\d{1,15}$/, SIZE) to?: string;
}
