/**
 * What one tenant's outcomes teach, over the shipped model: a logistic model that begins as the shipped one's answer and moves with every
 * outcome, at a rate that falls with what it has seen (AdaGrad). A function of the outcomes in their order: the same ones give the same
 * bytes. It holds weights and hashed features, never text.
 */
import { chancesFrom, CLASSES, softmax, type Chances } from '../chances.js';
import { hashText } from '../features.js';
import type { Examined } from '../model.js';

/** The hashed word runs share this many weights a pattern. */
const BUCKETS = 1 << 14;
const FOLD = 2;
/** Weights for kinds of situation, hashed. */
const SITUATIONS = 1 << 8;
const EXPERTS = 3;

/** How much each group may say: found on streams of train's families that the model under the layer had not met. */
const WORDS = 1.5;
const MEASURES = 1;
const SITUATION = 1;
const EXPERT = 0.3;
const RATE = 0.25;
const FIRST_GRADIENT = 0.05;

/** A request as the layer sees it: features and their values, ascending. */
export interface Seen {
  feature: Int32Array;
  value: Float32Array;
}

/** Where each group of features begins. */
const AT_MEASURES = BUCKETS;
const atSituations = (measures: number): number => AT_MEASURES + measures;
const atExperts = (measures: number): number => atSituations(measures) + SITUATIONS;
export const featureCount = (measures: number): number => atExperts(measures) + EXPERTS * CLASSES + 1;

export const seenBy = ({ sparse, standard, situation, learned, built, chances }: Examined): Seen => {
  const n = sparse.index.length + standard.length + 1 + EXPERTS * CLASSES + 1;
  const seen: Seen = { feature: new Int32Array(n), value: new Float32Array(n) };
  let used = 0;
  const put = (feature: number, value: number): void => {
    seen.feature[used] = feature;
    seen.value[used++] = value;
  };
  for (let i = 0; i < sparse.index.length; i++) put((sparse.index[i] as number) >> FOLD, WORDS * (sparse.value[i] as number));
  for (let i = 0; i < standard.length; i++) put(AT_MEASURES + i, MEASURES * (standard[i] as number));
  const measures = standard.length;
  put(atSituations(measures) + (hashText(situation.key) & (SITUATIONS - 1)), SITUATION);
  [chances, learned, built].forEach((expert, e) => {
    for (let c = 0; c < CLASSES; c++) put(atExperts(measures) + e * CLASSES + c, EXPERT * Math.log((expert[c] as number) + 1e-3));
  });
  put(featureCount(measures) - 1, SITUATION);
  return seen;
};

/** Weights and how far each has moved. */
export interface Weights {
  weights: Float32Array;
  slopes: Float32Array;
}

/** The layer before any outcome answers as the shipped model does. */
export const firstWeights = (measures: number): Weights => {
  const features = featureCount(measures);
  const weights = new Float32Array(features * CLASSES);
  for (let c = 0; c < CLASSES; c++) weights[(atExperts(measures) + c) * CLASSES + c] = 1 / EXPERT;
  return { weights, slopes: new Float32Array(features).fill(FIRST_GRADIENT) };
};

export const layerChances = ({ weights }: Pick<Weights, 'weights'>, { feature, value }: Seen): Chances => {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < feature.length; i++) {
    const at = (feature[i] as number) * CLASSES;
    const x = value[i] as number;
    a += x * (weights[at] as number);
    b += x * (weights[at + 1] as number);
    c += x * (weights[at + 2] as number);
    d += x * (weights[at + 3] as number);
  }
  return softmax([a, b, c, d]);
};

/** The target of a step where the truth is known. */
export const certainly = (truth: number): Chances => chancesFrom((c) => (c === truth ? 1 : 0));

/** One step towards `target`; `share` of a whole one. */
export const step = (model: Weights, seen: Seen, target: Chances, share = 1): void => {
  const { weights, slopes } = model;
  const chances = layerChances(model, seen);
  const error = chancesFrom((c) => share * ((chances[c] as number) - (target[c] as number)));
  const size = error.reduce((sum, e) => sum + e * e, 0);
  for (let i = 0; i < seen.feature.length; i++) {
    const feature = seen.feature[i] as number;
    const x = seen.value[i] as number;
    const slope = (slopes[feature] as number) + size * x * x;
    slopes[feature] = slope;
    const move = (RATE / Math.sqrt(slope)) * x;
    for (let c = 0; c < CLASSES; c++) {
      const at = feature * CLASSES + c;
      weights[at] = (weights[at] as number) - move * (error[c] as number);
    }
  }
};
