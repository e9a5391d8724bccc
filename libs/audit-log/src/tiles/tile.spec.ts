import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { partialTiles } from '../merkle/tree-edge.js';
import { formatBundle, formatRecords, parseBundle } from './bundle.js';
import { bundlePath, parsePath, tilePath } from './tile.js';

describe('paths of tlog-tiles', () => {
  it.each([
    [0n, 'tile/0/000'],
    [999n, 'tile/0/999'],
    [1000n, 'tile/0/x001/000'],
    [1234067n, 'tile/0/x001/x234/067'],
  ])('index %d is %s', (index, path) => expect(tilePath({ level: 0, index })).toBe(path));

  it('name partial tiles by their width', () => {
    expect(tilePath({ level: 1, index: 5n }, 17)).toBe('tile/1/005.p/17');
    expect(bundlePath(273n, 112)).toBe('tile/entries/273.p/112');
  });

  it('are read back, whatever they name', () => {
    const kind = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constantFrom('entries' as const, 'records' as const));
    fc.assert(
      fc.property(kind, fc.bigInt({ min: 0n, max: 2n ** 56n }), fc.integer({ min: 1, max: 256 }), (what, index, width) => {
        const path = typeof what === 'number' ? tilePath({ level: what, index }, width) : bundlePath(index, width, what);
        expect(parsePath(path)).toEqual({ kind: what, index, width });
      }),
    );
  });

  it.each([
    'tile/00/000',
    'tile/64/000',
    'tile/0/0',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/data/000',
    '../tile/0/000',
    'tile/0/000/',
  ])('%s is none', (path) => expect(parsePath(path)).toBeNull());
});

it('a tree of 70,000 has the partial tiles of the specification', () => {
  expect(partialTiles(70_000n)).toEqual([
    { tile: { level: 0, index: 273n }, width: 112 },
    { tile: { level: 1, index: 1n }, width: 17 },
    { tile: { level: 2, index: 0n }, width: 1 },
  ]);
  expect(partialTiles(256n)).toEqual([{ tile: { level: 1, index: 0n }, width: 1 }]);
});

describe('bundles', () => {
  const entries = [Buffer.alloc(0), Buffer.from('a'), Buffer.alloc(0xffff, 7)];

  it('are read back', () => {
    expect(parseBundle(formatBundle(entries)!)).toEqual({ entries, rest: 0 });
    expect(parseBundle(formatRecords(entries), 4)).toEqual({ entries, rest: 0 });
  });

  it('do not hold what is longer than 65,535 bytes; records do', () => {
    const long = [...entries, Buffer.alloc(0x10000, 9)];
    expect(formatBundle(long)).toBeNull();
    expect(parseBundle(formatRecords(long), 4)).toEqual({ entries: long, rest: 0 });
  });

  it('tell what is cut', () =>
    expect(parseBundle(formatBundle(entries)!.subarray(0, 5))).toEqual({ entries: [entries[0], entries[1]], rest: 0 }));
});
