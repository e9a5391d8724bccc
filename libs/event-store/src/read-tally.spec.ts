import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MOST_NAMED, READS, type CountedRead, type Read } from './read-tally.js';
import { MANY, Tally } from './tally.js';

const read = (given: Partial<Read> = {}, now = 1): CountedRead => ({
  tenant: 'default',
  principal: 'ann',
  kind: 'operator',
  via: 'http',
  operation: 'GET /api/delegations/:id',
  resource: 'delegation/d1',
  count: 1,
  first: now,
  last: now,
  ...given,
});
const total = (counted: readonly CountedRead[]): number => counted.reduce((sum, { count }) => sum + count, 0);
const named = (counted: readonly CountedRead[]): Set<string> =>
  new Set(counted.flatMap(({ resource, among }) => among ?? (resource === null ? [] : [resource])));

describe('a tally of reads', () => {
  it('joins those of one caller, operation and resource', () => {
    const tally = new Tally(READS);
    for (const given of [{}, {}, { resource: 'delegation/d2' }, { principal: 'eve' }]) tally.add(read(given));
    expect(tally.take(10).map(({ principal, resource, count }) => [principal, resource, count])).toEqual([
      ['ann', 'delegation/d1', 2],
      ['ann', 'delegation/d2', 1],
      ['eve', 'delegation/d1', 1],
    ]);
  });

  it('names every resource of a flood, still by who read them how', () => {
    const tally = new Tally(READS);
    for (let i = 0; i < 900; i++) tally.add(read({ resource: `delegation/d${i}`, principal: `p${i % 3}` }));
    const taken = tally.take(8);
    expect(taken.length).toBeLessThanOrEqual(8);
    expect(named(taken).size).toBe(900);
    expect(new Set(taken.map(({ principal }) => principal))).toEqual(new Set(['p0', 'p1', 'p2']));
  });

  it('names so many at most in one event, and counts the rest', () => {
    const tally = new Tally(READS);
    for (let i = 0; i < 3_000; i++) tally.add(read({ resource: `delegation/d${i}` }));
    const taken = tally.take(4);
    expect(Math.max(...taken.map(({ among = [] }) => among.length))).toBe(MOST_NAMED);
    expect(total(taken)).toBe(3_000);
  });

  it('loses none of any number of callers, and names the rest by nothing', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ principal: fc.nat(2_000), resource: fc.nat(500) }), { maxLength: 900 }),
        fc.integer({ min: 2, max: 16 }),
        (reads, limit) => {
          const tally = new Tally(READS);
          reads.forEach(({ principal, resource }, i) =>
            tally.add(read({ principal: `p${principal}`, resource: `delegation/${resource}` }, i)),
          );
          const taken = tally.take(limit);
          expect([total(taken), taken.length <= limit]).toEqual([reads.length, true]);
          expect(named(taken).size).toBe(new Set(reads.map(({ resource }) => resource)).size);
          for (const { principal, operation } of taken) expect(principal === MANY).toBe(operation === MANY);
        },
      ),
    ));
});
