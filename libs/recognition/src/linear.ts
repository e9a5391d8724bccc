/** A multinomial logistic model over hashed word runs and dense measures. */
import { CLASSES } from './chances.js';
import { BUCKETS, type Sparse } from './features.js';

export interface LinearModel {
  /** A bucket's four weights lie side by side, in `unit`s: small numbers where a model is used, so that more of them are near the processor. */
  words: Float32Array | Int16Array;
  unit: number;
  /** A measure's four weights lie side by side. */
  dense: Float32Array;
  mean: Float32Array;
  /** One over the standard deviation. */
  scale: Float32Array;
  bias: Float32Array;
}

/** Standard deviations beyond which a measure says no more. */
const FAR = 4;
/** Sparse and dense features together: how much either may say before training. */
export const WORD_GAIN = 2;
export const DENSE_GAIN = 0.15;

/** To be trained. */
export const emptyLinear = (measures: number): LinearModel & { words: Float32Array } => ({
  words: new Float32Array(BUCKETS * CLASSES),
  unit: 1,
  dense: new Float32Array(measures * CLASSES),
  mean: new Float32Array(measures),
  scale: new Float32Array(measures),
  bias: new Float32Array(CLASSES),
});

/** Measures as the model takes them: centred, scaled, bounded. */
export const standardised = (measures: Float64Array, { mean, scale }: Pick<LinearModel, 'mean' | 'scale'>): Float64Array => {
  const values = new Float64Array(measures.length);
  for (let i = 0; i < measures.length; i++) {
    const value = ((measures[i] as number) - (mean[i] as number)) * (scale[i] as number);
    values[i] = DENSE_GAIN * Math.max(-FAR, Math.min(FAR, value));
  }
  return values;
};

/** Four scores (logits). */
export const linearScores = ({ words, unit, dense, bias }: LinearModel, sparse: Sparse, standard: Float64Array): Float64Array => {
  let [a, b, c, d] = [bias[0] as number, bias[1] as number, bias[2] as number, bias[3] as number];
  const gain = WORD_GAIN * unit;
  for (let i = 0; i < sparse.index.length; i++) {
    const at = (sparse.index[i] as number) * CLASSES;
    const value = gain * (sparse.value[i] as number);
    a += value * (words[at] as number);
    b += value * (words[at + 1] as number);
    c += value * (words[at + 2] as number);
    d += value * (words[at + 3] as number);
  }
  for (let i = 0; i < standard.length; i++) {
    const at = i * CLASSES;
    const value = standard[i] as number;
    a += value * (dense[at] as number);
    b += value * (dense[at + 1] as number);
    c += value * (dense[at + 2] as number);
    d += value * (dense[at + 3] as number);
  }
  return Float64Array.of(a, b, c, d);
};
