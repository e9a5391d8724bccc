/** Boosted regression trees, one for each pattern in every round, in flat arrays. */
import { CLASSES } from './chances.js';

export interface Forest {
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

/** Four scores (logits). */
export const forestScores = ({ roots, feature, value, below, above }: Forest, features: Float64Array): Float64Array => {
  const scores = new Float64Array(CLASSES);
  for (let tree = 0; tree < roots.length; tree++) {
    let at = roots[tree] as number;
    for (let asked = feature[at] as number; asked >= 0; asked = feature[at] as number)
      at += (features[asked] as number) < (value[at] as number) ? (below[at] as number) : (above[at] as number);
    const pattern = tree % CLASSES;
    scores[pattern] = (scores[pattern] as number) + (value[at] as number);
  }
  return scores;
};
