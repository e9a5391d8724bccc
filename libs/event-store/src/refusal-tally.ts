/** Refusals counted until they are written. */
import { MANY, MANY_TENANT, type Counted, type TallyRules } from './tally.js';

/** A request that changed nothing because it was refused. Nothing in it is the caller's own text except `principal`. */
export interface Refusal {
  tenant: string;
  principal: string;
  kind: 'agent' | 'worker' | 'operator';
  via: 'http' | 'nats';
  /** The route or the family of subjects: `POST /api/delegations/:id/cancel`, `command`. */
  operation: string;
  /** Of the problem. */
  code: string;
  status: number;
  traceparent?: string;
}

/** The trace is that of the first. */
export type CountedRefusal = Refusal & Counted;

/** By what they were refused with. */
const ofKind = (refusal: CountedRefusal): CountedRefusal => ({ ...refusal, tenant: MANY_TENANT, principal: MANY, operation: MANY });

export const REFUSALS: TallyRules<CountedRefusal> = {
  keyOf: ({ tenant, principal, kind, via, operation, code, status }) =>
    JSON.stringify([tenant, principal, kind, via, operation, code, status]),
  ofKind,
  ofAll: (refusal) => ({ ...ofKind(refusal), code: 'MANY', status: 0 }),
};
