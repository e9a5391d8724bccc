/**
 * What the audit service itself puts on record. On the wire the type is `dev.mandate.audit.<type>.v1`; nothing in `data` is personal,
 * what may be stands in `personal`.
 */
export type AuditEvent = Refused | Read | Counted | Mismatched | Exported | Replayed | Rebuilt;

/** Requests that were refused: of one caller, one operation and one reason, those of a short time together. */
export interface Refused {
  type: 'refused';
  data: {
    via: 'http' | 'nats';
    /** The route or the family of subjects; `*` of more of them than could be told apart. */
    operation: string;
    code: string;
    status: number;
    count: number;
    first: string;
    last: string;
  };
}

/** Somebody was shown what is stored: of one caller, one operation and one resource, the first of five minutes, or what came after it in them. */
export interface Read {
  type: 'read';
  data: {
    via: 'http';
    /** The route; `*` of more callers and routes than could be told apart. */
    operation: string;
    /** `<type>/<id>`; absent: it is about no single one, as a list, or there were more. */
    resource?: string;
    /** In the place of `resource` when they were too many for an event each; at most a thousand are named. */
    resources?: string[];
    count: number;
    first: string;
    last: string;
  };
}

/** What a process was told is committed, of a stretch of the log: told every minute, so that it can be compared with what the log holds. */
export interface Counted {
  type: 'counted';
  data: {
    /** Behind this position, up to that one. */
    from: number;
    to: number;
    events: number;
    /** That were answered. */
    refusals: number;
  };
}

/** A process counted more than the log holds. */
export interface Mismatched {
  type: 'mismatched';
  data: {
    service: string;
    instance: string;
    from: number;
    to: number;
    counted: number;
    logged: number;
    refusalsAnswered: number;
    refusalsLogged: number;
  };
}

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
    /** It was the proof of an export, which may hold the records themselves. */
    proof?: true;
  };
}

/** Somebody looked at the past by running it again. */
export interface Replayed {
  type: 'replayed';
  data: {
    what: 'state' | 'fork';
    /** The position up to which. */
    at: number;
    /** `<type>/<id>`; absent: the whole tenant. */
    resource?: string;
    /** Of a fork: what was changed. */
    change?: 'threshold' | 'plan' | 'worker';
  };
}

/** A read model was made anew from the log. */
export interface Rebuilt {
  type: 'rebuilt';
  data: {
    projection: string;
    /** Up to which. */
    position: number;
    ms: number;
  };
}

export const AUDIT_AGGREGATE = 'audit';

export const auditEventType = (type: AuditEvent['type']): string => `dev.mandate.audit.${type}.v1`;
