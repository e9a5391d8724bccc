import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { entriesOf, path, subproof, testLog, treeHash, type TestLog } from '../../spec/logs.js';
import { hasher } from '../../spec/node-crypto.js';
import { partialTiles, TreeEdge } from './tree-edge.js';
import { prove, tilesOf } from './prove.js';
import { consistencyRanges, inclusionRanges } from './ranges.js';
import { consistencyFailure, inclusionFailure } from './verify.js';
import { TILE_WIDTH, tilePath, type TileReader } from '../tiles/tile.js';

/** From a tile of any width, as a log has them. */
const readerOf =
  ({ files }: TestLog): TileReader =>
  (tile) => {
    for (let width = TILE_WIDTH; width > 0; width--) {
      const hashes = files.get(tilePath(tile, width));
      if (hashes) return hashes;
    }
    throw new Error(`no tile ${tilePath(tile)}`);
  };

const big = testLog(entriesOf(5000));
const size = fc.integer({ min: 1, max: 5000 });

describe('proofs', () => {
  it('are those of RFC 6962 for each tree of up to 40 leaves', () => {
    for (let n = 1; n <= 40; n++) {
      const log = testLog(entriesOf(n));
      expect(log.root).toEqual(treeHash(log.leaves));
      for (let m = 0; m < n; m++) {
        expect(prove(hasher, inclusionRanges(BigInt(m), BigInt(n)), readerOf(log))).toEqual(path(m, log.leaves));
        expect(prove(hasher, consistencyRanges(BigInt(m + 1), BigInt(n)), readerOf(log))).toEqual(subproof(m + 1, log.leaves));
      }
    }
  });

  it('of inclusion hold for any leaf of any earlier tree, and for no other', () => {
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (n, pick, other) => {
        const index = pick % n;
        const claim = { index: BigInt(index), size: BigInt(n), leafHash: big.leaves[index]!, root: treeHash(big.leaves.slice(0, n)) };
        const proof = prove(hasher, inclusionRanges(claim.index, claim.size), readerOf(big));
        expect(inclusionFailure(hasher, claim, proof)).toBeNull();
        const elsewhere = BigInt(other % n);
        if (elsewhere !== claim.index) expect(inclusionFailure(hasher, { ...claim, index: elsewhere }, proof)).not.toBeNull();
        expect(inclusionFailure(hasher, { ...claim, leafHash: hasher.leaf(Buffer.from('another')) }, proof)).not.toBeNull();
        expect(inclusionFailure(hasher, claim, [...proof, claim.root])).not.toBeNull();
        if (proof.length > 0) expect(inclusionFailure(hasher, claim, flipped(proof, other))).not.toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  it('of consistency hold between any two sizes, and for no other tree', () => {
    fc.assert(
      fc.property(size, size, fc.nat(), (a, b, bit) => {
        const [m, n] = a < b ? [a, b] : [b, a];
        const oldRoot = treeHash(big.leaves.slice(0, m));
        const root = treeHash(big.leaves.slice(0, n));
        const claim = { oldSize: BigInt(m), oldRoot, size: BigInt(n), root };
        const proof = prove(hasher, consistencyRanges(claim.oldSize, claim.size), readerOf(big));
        expect(consistencyFailure(hasher, claim, proof)).toBeNull();
        const changed = [...big.leaves.slice(0, m)];
        changed[bit % m] = hasher.leaf(Buffer.from('changed'));
        expect(consistencyFailure(hasher, { ...claim, oldRoot: treeHash(changed) }, proof)).not.toBeNull();
        if (proof.length > 0) expect(consistencyFailure(hasher, claim, flipped(proof, bit))).not.toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  it('from size 0 are refused', () => {
    const claim = { oldSize: 0n, oldRoot: hasher.empty(), size: 5000n, root: big.root };
    expect(consistencyFailure(hasher, claim, [])).toMatch(/nothing to prove/);
  });

  it('need few tiles: one for each eight levels, and those of the right edge', () => {
    const far = 2n ** 63n - 12345n;
    const ranges = inclusionRanges(2n ** 40n, far);
    expect(ranges.length).toBeLessThanOrEqual(63);
    expect(tilesOf(ranges).length).toBeLessThanOrEqual(16);
  });
});

describe('an edge', () => {
  it('comes back from its partial tiles at any size, and grows as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 700 }), (n, more) => {
        const edge = TreeEdge.from(hasher, BigInt(n), readerOf(big));
        expect(edge.root()).toEqual(treeHash(big.leaves.slice(0, n)));
        for (const leaf of big.leaves.slice(n, n + more)) edge.append(leaf);
        expect(edge.root()).toEqual(treeHash(big.leaves.slice(0, n + more)));
        expect(edge.partial().map(({ tile, hashes }) => ({ tile, width: hashes.length / 32 }))).toEqual(partialTiles(BigInt(n + more)));
      }),
      { numRuns: 40 },
    );
  });
});

const flipped = (proof: readonly Uint8Array[], bit: number): Uint8Array[] =>
  proof.map((hash, i) => (i === bit % proof.length ? hash.map((byte, at) => (at === bit % 32 ? byte ^ (1 << (bit % 8)) : byte)) : hash));
