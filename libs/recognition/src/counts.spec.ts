import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countIn, countsAt, countsFrom, entriesOf, joined, packCount, slotIn, unpackCount, UNPACKED } from './counts.js';

const entries = fc.uniqueArray(fc.tuple(fc.integer({ min: 2, max: 0xffffffff }), fc.integer({ min: 1, max: 90_000 })), {
  selector: ([key]) => key,
  maxLength: 200,
});
const tableOf = (list: [number, number][]) =>
  countsFrom(
    list.map(([key]) => key),
    list.map(([, count]) => packCount(count)),
  );

describe('counts', () => {
  it('pack into a byte, exact when small, within 3% when large', () => {
    for (let count = 0; count < 128; count++) expect(unpackCount(packCount(count))).toBe(count);
    fc.assert(
      fc.property(fc.integer({ min: 128, max: 90_000 }), (count) =>
        expect(Math.abs(unpackCount(packCount(count)) / count - 1)).toBeLessThan(0.03),
      ),
    );
  });

  it('are found by key, and nothing else is', () => {
    fc.assert(
      fc.property(entries, fc.nat({ max: 0xffffffff }), (list, other) => {
        const table = tableOf(list);
        for (const [key, count] of list) expect(countIn(table, key)).toBeCloseTo(unpackCount(packCount(count)), 0);
        if (!list.some(([key]) => key === other)) expect(countIn(table, other)).toBe(0);
      }),
    );
  });

  it('come out in one order, whatever order they went in', () => {
    fc.assert(fc.property(entries, (list) => expect(entriesOf(tableOf(list))).toEqual(entriesOf(tableOf([...list].reverse())))));
  });

  it('are the same when joined', () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        const tables = [tableOf(a), tableOf(b)];
        const both = joined(tables);
        for (const [key] of [...a, ...b]) {
          const at = countsAt(both, slotIn(both, key));
          const counts = tables.map((_, i) => UNPACKED[both.bytes[at + i] as number]);
          expect(counts).toEqual(tables.map((table) => countIn(table, key)));
        }
      }),
    );
  });
});
