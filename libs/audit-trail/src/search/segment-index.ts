import { encodePostings, firstOf } from './postings.js';
import { termsOf, type Searchable } from './terms.js';

export interface TermPostings {
  tenant: string;
  term: string;
  positions: Uint8Array;
}

/** The index of one segment, in the order of its keys. What lies outside of it is no part of it. */
export const indexSegment = (segment: number, events: readonly (Searchable & { position: number; tenant: string })[]): TermPostings[] => {
  const tenants = new Map<string, Map<string, number[]>>();
  for (const event of events) {
    const terms = tenants.get(event.tenant) ?? new Map<string, number[]>();
    tenants.set(event.tenant, terms);
    for (const term of termsOf(event)) {
      const offsets = terms.get(term) ?? [];
      terms.set(term, offsets);
      offsets.push(event.position - firstOf(segment));
    }
  }
  return [...tenants]
    .flatMap(([tenant, terms]) => [...terms].map(([term, offsets]) => ({ tenant, term, positions: encodePostings(offsets) })))
    .sort((a, b) => compare(a.tenant, b.tenant) || compare(a.term, b.term));
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
