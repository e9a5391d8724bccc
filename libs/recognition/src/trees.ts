/** Boosted regression trees, one for each pattern in every round. */
import { CLASSES } from './chances.js';

/** Trees as they grow and are stored, in flat arrays. */
export interface Trees {
  /** Where each tree begins; tree t speaks for pattern t modulo 4. */
  roots: Int32Array;
  /** The feature a node asks for; -1: a leaf. */
  feature: Int16Array;
  /** What the feature is compared with, or a leaf's score. */
  value: Float32Array;
  /** The node where a feature below `value` goes, counted from the node; the other goes to the node behind it. */
  below: Int16Array;
  /** As `below`, for features at or above. */
  above: Int16Array;
}

/**
 * Trees with the layout they are asked in. Each is filled up to the same depth, level by level: node k's children are 2k and 2k + 1, the root
 * is 1. A feature is first ranked among all values that any node compares it with, so that a node compares whole numbers, and a step down is
 * arithmetic instead of a branch, of which a processor would guess many wrong.
 */
export interface Forest extends Trees {
  depth: number;
  /** Feature f is compared with `bounds[starts[f]]` up to `bounds[starts[f + 1]]`, ascending. */
  bounds: Float64Array;
  starts: Int32Array;
  /** By tree and node: the feature in the upper 16 bits, and the rank from which it goes above. */
  nodes: Int32Array;
  /** By tree, the scores at the lowest level. */
  leaves: Float32Array;
}

const depthOf = (trees: Trees, at: number): number =>
  (trees.feature[at] as number) < 0
    ? 0
    : 1 + Math.max(depthOf(trees, at + (trees.below[at] as number)), depthOf(trees, at + (trees.above[at] as number)));

/** By feature, the values that nodes compare it with, ascending, each once. */
const boundsIn = ({ feature, value }: Trees): number[][] => {
  const bounds: Set<number>[] = Array.from({ length: Math.max(-1, ...feature) + 1 }, () => new Set());
  feature.forEach((asked, at) => bounds[asked]?.add(value[at] as number));
  return bounds.map((values) => [...values].sort((a, b) => a - b));
};

/** Lays trees out for `forestScores`. */
export const forestOf = (trees: Trees): Forest => {
  const { roots, feature, value, below, above } = trees;
  const depth = roots.reduce((most, root) => Math.max(most, depthOf(trees, root)), 0);
  const bounds = boundsIn(trees);
  const starts = new Int32Array(bounds.length + 1);
  bounds.forEach((values, asked) => (starts[asked + 1] = (starts[asked] as number) + values.length));
  const width = 1 << depth;
  const [nodes, leaves] = [new Int32Array(roots.length * width), new Float32Array(roots.length * width)];
  // Below a leaf that stands higher everything is that leaf: what is asked there does not matter.
  const put = (tree: number, place: number, at: number): void => {
    const asked = feature[at] as number;
    if (place >= width) leaves[tree * width + place - width] = value[at] as number;
    else {
      nodes[tree * width + place] = asked < 0 ? 0 : (asked << 16) | ((bounds[asked] as number[]).indexOf(value[at] as number) + 1);
      put(tree, 2 * place, asked < 0 ? at : at + (below[at] as number));
      put(tree, 2 * place + 1, asked < 0 ? at : at + (above[at] as number));
    }
  };
  roots.forEach((root, tree) => put(tree, 1, root));
  return { ...trees, depth, bounds: Float64Array.from(bounds.flat()), starts, nodes, leaves };
};

/** More features than any model has; lent to one call after the other. */
const lentRanks = new Int32Array(1 << 10);

/** Of each feature, how many of its bounds it reaches. */
const ranksOf = ({ starts, bounds }: Forest, features: Float64Array): Int32Array => {
  const ranks = starts.length <= lentRanks.length ? lentRanks : new Int32Array(starts.length);
  for (let feature = 0; feature + 1 < starts.length; feature++) {
    const from = starts[feature] as number;
    const to = starts[feature + 1] as number;
    let at = from;
    while (at < to && (features[feature] as number) >= (bounds[at] as number)) at++;
    ranks[feature] = at - from;
  }
  return ranks;
};

/** Four scores (logits). */
export const forestScores = (forest: Forest, features: Float64Array): Float64Array => {
  const { roots, depth, nodes, leaves } = forest;
  const ranks = ranksOf(forest, features);
  const width = 1 << depth;
  const scores = new Float64Array(CLASSES);
  for (let tree = 0; tree < roots.length; tree++) {
    const first = tree * width;
    let place = 1;
    for (let level = 0; level < depth; level++) {
      const node = nodes[first + place] as number;
      // The sign of the difference is 1 where the rank is too low: below.
      place = 2 * place + 1 + (((ranks[node >> 16] as number) - (node & 0xffff)) >> 31);
    }
    const pattern = tree % CLASSES;
    scores[pattern] = (scores[pattern] as number) + (leaves[first + place - width] as number);
  }
  return scores;
};
