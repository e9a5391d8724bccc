import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anEvent } from '../../spec/an-event.js';
import { decodePostings, firstOf } from './postings.js';
import { SegmentIndex } from './segment-index.js';
import { termsOf } from './terms.js';

const aWord = fc.constantFrom('alpha', 'beta', 'no-worker', 'Über Archiv', '01KB0000000000000000000001', '2026-11-29T17:12:28.896Z');
const manyWords = fc.integer({ min: 0, max: 90 }).map((n) => Array.from({ length: n }, (_, i) => `word${i}`));
const anyData = fc.record({
  a: fc.oneof(aWord, manyWords),
  b: fc.record({ $ref: aWord, c: aWord }),
  d: fc.array(aWord, { maxLength: 3 }),
  e: fc.nat(),
});
const anyEvent = fc.record({
  tenant: fc.constantFrom('one', 'two'),
  actor: fc.record({ kind: fc.constant('agent' as const), id: aWord, onBehalfOf: fc.array(aWord, { maxLength: 2 }) }),
  outcome: fc.constantFrom('success' as const, 'failure' as const),
  reason: fc.constantFrom('NO_WORKER', 'DENIED'),
  traceId: fc.constantFrom('0af7651916cd43dd8448eb211c80319c', '1af7651916cd43dd8448eb211c80319c'),
  data: anyData,
});

it('has of each term of each event its place, and no other', () =>
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), (given) => {
      const events = given.map((own, i) => anEvent({ ...own, position: firstOf(3) + 2 * i }));
      const index = new SegmentIndex(3);
      for (const event of events) index.add(event);
      const expected = events.flatMap((event) =>
        [...termsOf(event)].map((term) => `${event.tenant} ${term} ${event.position - firstOf(3)}`),
      );
      const terms = index.terms();
      const found = terms.flatMap(({ tenant, term, positions }) =>
        decodePostings(positions).map((offset) => `${tenant} ${term} ${offset}`),
      );
      expect(found.sort()).toEqual(expected.sort());
      const keys = terms.map(({ tenant, term }) => `${tenant} ${term}`);
      expect(keys).toEqual([...new Set(keys)].sort());
    }),
  ));
