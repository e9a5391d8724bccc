/** Refusals counted until they are written: pure, and bounded whatever a flood brings. */

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

export interface CountedRefusal extends Refusal {
  count: number;
  /** Milliseconds; the trace is that of the first. */
  first: number;
  last: number;
}

/** Who and what of refusals that are too many to be told apart; their tenant, then, is the default one. */
export const MANY = '*';
const MANY_TENANT = 'default';
const MAX_KEYS = 256;

export class RefusalTally {
  private counted = new Map<string, CountedRefusal>();

  get isEmpty(): boolean {
    return this.counted.size === 0;
  }

  add(refusal: Refusal, now: number): void {
    this.join({ ...refusal, count: 1, first: now, last: now });
  }

  /** Everything, as at most `limit` counts, the most frequent by themselves. The tally is empty then. */
  take(limit: number): CountedRefusal[] {
    const all = [...this.counted.values()].sort((a, b) => b.count - a.count || a.first - b.first);
    this.counted = new Map();
    if (all.length <= limit) return all;
    const apart = Math.floor(limit / 2);
    const rest = new RefusalTally();
    // By kind of refusal, which are few, and by nothing at all if even those are too many.
    for (const refusal of all.slice(apart)) rest.join(folded(refusal));
    const folds = rest.take(Infinity);
    if (folds.length <= limit - apart) return [...all.slice(0, apart), ...folds];
    return [...all.slice(0, apart), ...folds.slice(0, limit - apart - 1), sum(folds.slice(limit - apart - 1))];
  }

  /** What could not be written counts on. */
  restore(refusals: readonly CountedRefusal[]): void {
    for (const refusal of refusals) this.join(refusal);
  }

  private join(refusal: CountedRefusal): void {
    const key = keyOf(refusal);
    const known = this.counted.get(key);
    if (!known && this.counted.size >= MAX_KEYS && refusal.principal !== MANY) return this.join(folded(refusal));
    this.counted.set(key, known ? added(known, refusal) : refusal);
  }
}

const keyOf = ({ tenant, principal, kind, via, operation, code, status }: Refusal): string =>
  JSON.stringify([tenant, principal, kind, via, operation, code, status]);

const added = (a: CountedRefusal, b: CountedRefusal): CountedRefusal => ({
  ...(a.first <= b.first ? a : b),
  count: a.count + b.count,
  first: Math.min(a.first, b.first),
  last: Math.max(a.last, b.last),
});

const folded = (refusal: CountedRefusal): CountedRefusal => ({ ...refusal, tenant: MANY_TENANT, principal: MANY, operation: MANY });

const sum = (refusals: readonly CountedRefusal[]): CountedRefusal =>
  refusals.map((refusal) => ({ ...refusal, code: 'MANY', status: 0 })).reduce(added);
