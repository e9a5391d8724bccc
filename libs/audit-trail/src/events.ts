/**
 * What the audit service itself puts on record. On the wire the type is `dev.mandate.audit.<type>.v1`; nothing in `data` is personal,
 * what may be stands in `personal`.
 */
export type AuditEvent = Exported;

/** Somebody took events of the trail away. */
export interface Exported {
  type: 'exported';
  data: {
    format: string;
    /** What was asked for, by the names of the query. */
    filter: { [name: string]: string };
    /** Behind this position. */
    after: number;
    /** The log's size when it began. */
    size: number;
    /** Went on with what was recorded later. */
    follow: boolean;
  };
}

export const AUDIT_AGGREGATE = 'audit';

export const auditEventType = (type: AuditEvent['type']): string => `dev.mandate.audit.${type}.v1`;
