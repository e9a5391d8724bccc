import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { forestOf, forestScores, type Trees } from './trees.js';

interface Node {
  feature: number;
  value: number;
  children: [Node, Node] | null;
}

const FEATURES = 3;
const value = fc.float({ noNaN: true, min: -4, max: 4 });
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    fc.record({ feature: fc.constant(-1), value, children: fc.constant(null) }),
    fc.record({ feature: fc.nat({ max: FEATURES - 1 }), value, children: fc.tuple(tie('node'), tie('node')) }),
  ),
}));

/** In the order that trees grow in: a node, what is below it, what is above it. */
const stored = (roots: readonly Node[]): Trees => {
  const all: { feature: number; value: number; below: number; above: number }[] = [];
  const store = ({ feature, value, children }: Node): number => {
    const at = all.push({ feature, value, below: 0, above: 0 }) - 1;
    if (children) Object.assign(all[at] as object, { below: store(children[0]) - at, above: store(children[1]) - at });
    return at;
  };
  return {
    roots: Int32Array.from(roots, store),
    feature: Int16Array.from(all, ({ feature }) => feature),
    value: Float32Array.from(all, ({ value }) => value),
    below: Int16Array.from(all, ({ below }) => below),
    above: Int16Array.from(all, ({ above }) => above),
  };
};

const scoreIn = ({ feature, value, children }: Node, features: Float64Array): number =>
  children ? scoreIn(children[(features[feature] as number) < value ? 0 : 1], features) : value;

describe('forestScores', () => {
  it('adds up the leaves that a walk down each tree ends at', () => {
    const features = fc.array(fc.oneof(value, fc.integer({ min: -4, max: 4 })), { minLength: FEATURES, maxLength: FEATURES });
    fc.assert(
      fc.property(fc.array(node, { minLength: 4, maxLength: 8 }), features, (roots, any) => {
        const asked = Float64Array.from(any);
        const expected = new Float64Array(4);
        roots.forEach((root, tree) => (expected[tree % 4] = (expected[tree % 4] as number) + scoreIn(root, asked)));
        expect(forestScores(forestOf(stored(roots)), asked)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('sends a value that is the bound above', () => {
    const leaf = (score: number): Node => ({ feature: -1, value: score, children: null });
    const forest = forestOf(stored([{ feature: 0, value: 1, children: [leaf(2), leaf(3)] }]));
    expect(forestScores(forest, Float64Array.of(1))[0]).toBe(3);
    expect(forestScores(forest, Float64Array.of(0.5))[0]).toBe(2);
  });
});
