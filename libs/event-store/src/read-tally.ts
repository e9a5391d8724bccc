/** Reads counted until they are written. */
import { MANY, MANY_TENANT, type Counted, type TallyRules } from './tally.js';

/** Somebody was shown what is stored. Nothing in it is the caller's own text except `principal`. */
export interface Read {
  tenant: string;
  principal: string;
  kind: 'operator';
  via: 'http';
  /** The route: `GET /api/delegations/:id`. */
  operation: string;
  /** `<type>/<id>`; null of what is about no single one, as a list. */
  resource: string | null;
  traceparent?: string;
}

/** The trace is that of the first. */
export interface CountedRead extends Read, Counted {
  /** The resources of reads that are too many for an event each; `resource` is `*` then. */
  among?: readonly string[];
}

/** Beyond that only how often: an event has to stay small enough for a bundle of the log's entries. */
export const MOST_NAMED = 1_000;

export const readKey = ({ tenant, principal, kind, via, operation, resource }: Read): string =>
  JSON.stringify([tenant, principal, kind, via, operation, resource]);

/** By who reads how, and still of what. */
const ofKind = (read: CountedRead): CountedRead =>
  read.among ? read : { ...read, resource: MANY, among: read.resource === null ? [] : [read.resource] };

export const READS: TallyRules<CountedRead> = {
  keyOf: readKey,
  ofKind,
  ofAll: (read) => ({ ...ofKind(read), tenant: MANY_TENANT, principal: MANY, operation: MANY }),
  joined: (earlier, later) =>
    earlier.among && later.among ? { ...earlier, among: [...new Set([...earlier.among, ...later.among])].slice(0, MOST_NAMED) } : earlier,
};
