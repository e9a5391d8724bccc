/** Multinomial logistic regression by AdaGrad (Duchi, Hazan, Singer 2011), example by example. */
import { CLASSES, softmax } from '../chances.js';
import type { Sparse } from '../features.js';
import { emptyLinear, linearScores, standardised, WORD_GAIN, type LinearModel } from '../linear.js';
import type { Example } from './examples.js';
import { randomFrom, shuffle } from './random.js';

const EPOCHS = 5;
const RATE = 0.2;
const BIAS_RATE = 0.01;
const FIRST_GRADIENT = 0.01;
/** Constant measures stay harmless. */
const LEAST_VARIANCE = 1e-3;

const standardise = (model: LinearModel, examples: readonly Case[]): void => {
  const n = Math.max(1, examples.length);
  const size = model.mean.length;
  const [sum, square] = [new Float64Array(size), new Float64Array(size)];
  for (const { measures } of examples) for (let i = 0; i < size; i++) sum[i] = (sum[i] as number) + (measures[i] as number);
  for (let i = 0; i < size; i++) model.mean[i] = (sum[i] as number) / n;
  for (const { measures } of examples)
    for (let i = 0; i < size; i++) square[i] = (square[i] as number) + ((measures[i] as number) - (model.mean[i] as number)) ** 2;
  for (let i = 0; i < size; i++) model.scale[i] = 1 / Math.sqrt((square[i] as number) / n + LEAST_VARIANCE);
};

interface Slopes {
  words: Float32Array;
  dense: Float32Array;
}

const descend = (
  weights: Float32Array,
  slopes: Float32Array,
  feature: number,
  value: number,
  error: readonly number[],
  size: number,
): void => {
  const slope = (slopes[feature] as number) + size * value * value;
  slopes[feature] = slope;
  const step = (RATE / Math.sqrt(slope)) * value;
  const at = feature * CLASSES;
  for (let c = 0; c < CLASSES; c++) weights[at + c] = (weights[at + c] as number) - step * (error[c] as number);
};

const learn = (model: Trained, slopes: Slopes, sparse: Sparse, standard: Float64Array, truth: number): void => {
  const error = softmax(linearScores(model, sparse, standard)).map((chance, c) => chance - (c === truth ? 1 : 0));
  const size = error.reduce((sum, e) => sum + e * e, 0);
  for (let c = 0; c < CLASSES; c++) model.bias[c] = (model.bias[c] as number) - BIAS_RATE * (error[c] as number);
  for (let i = 0; i < sparse.index.length; i++)
    descend(model.words, slopes.words, sparse.index[i] as number, WORD_GAIN * (sparse.value[i] as number), error, size);
  for (let i = 0; i < standard.length; i++) descend(model.dense, slopes.dense, i, standard[i] as number, error, size);
};

/** What is learned from: the truth about a request, its measures and its sparse features. */
export type Case = Pick<Example, 'measures' | 'sparse' | 'truth'>;

/** Weights as they are learned. */
type Trained = LinearModel & { words: Float32Array };

export const trainLinear = (examples: readonly Case[], seed: number): LinearModel => {
  const model = emptyLinear(examples[0]?.measures.length ?? 0);
  standardise(model, examples);
  const slopes: Slopes = {
    words: new Float32Array(model.words.length / CLASSES).fill(FIRST_GRADIENT),
    dense: new Float32Array(model.mean.length).fill(FIRST_GRADIENT),
  };
  const standard = examples.map(({ measures }) => standardised(measures, model));
  const order = Int32Array.from(examples, (_, i) => i);
  const random = randomFrom(seed);
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    shuffle(order, random);
    for (const place of order) {
      const { sparse, truth } = examples[place] as Case;
      learn(model, slopes, sparse, standard[place] as Float64Array, truth);
    }
  }
  return model;
};

export const linearOf = (model: LinearModel, { measures, sparse }: Pick<Example, 'measures' | 'sparse'>): Float64Array =>
  linearScores(model, sparse, standardised(measures, model));
