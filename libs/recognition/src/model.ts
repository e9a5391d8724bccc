/** Everything that was learned, and the state it is in when a request is looked at. Arrays are read, never written. */
import { exact, mixed, sharpened, softmax, withSteps, type Chances } from './chances.js';
import { factsOf, type Facts } from './facts.js';
import { hashTokens, sparseOf, type Sparse } from './features.js';
import { linearScores, standardised, type LinearModel } from './linear.js';
import { measure } from './measures.js';
import { situationOf, type Situation } from './opinion.js';
import { read, type RecognitionInput } from './reading.js';
import { sketchOf } from './sketch.js';
import { familiarityOf, type Familiarity } from './familiarity.js';
import type { StyleModel } from './style.js';
import { forestScores, type Forest } from './trees.js';

/** Where a model comes from. */
export interface Provenance {
  source: string;
  licence: string;
  requests: number;
}

export interface ModelHeader {
  name: string;
  version: string;
  /** SHA-256 of what it was trained on. */
  trainedOn: string;
  provenance: readonly Provenance[];
  /** Whose lessons are in it: no other tenant may be answered by it. */
  tenant?: string;
}

export interface Gate {
  /** Of 1 and the familiarity's signs: log-odds that a request was written like those trained on. */
  weights: readonly number[];
  /** Log-odds added, and their factor: how much trust the learned part is given. */
  bias: number;
  slope: number;
  /** Sharpness of an unfamiliar request's chances, and what is added for a familiar one. */
  sharpness: readonly [number, number];
}

export interface RecogniserModel {
  header: ModelHeader;
  linear: LinearModel;
  forest: Forest;
  style: StyleModel;
  gate: Gate;
  /** What was counted in each situation, sources weighing alike, judged chances weighed in. */
  situations: ReadonlyMap<string, Chances>;
}

/** One request, looked at: what it says, and what each part of the model makes of it. */
export interface Examined {
  facts: Facts;
  situation: Situation;
  measures: Float64Array;
  /** Of the tokens. */
  hashes: Uint32Array;
  standard: Float64Array;
  sparse: Sparse;
  /** By words and measures, as learned. */
  learned: Chances;
  /** By how it is built. */
  built: Chances;
  familiarity: Familiarity;
  /** How far the learned part is trusted, 0 to 1. */
  trust: number;
  chances: Chances;
}

/** What trees see: the measures and the linear model's scores. */
export const treeFeatures = (measures: Float64Array, scores: Float64Array): Float64Array => {
  const features = new Float64Array(measures.length + scores.length);
  features.set(measures);
  features.set(scores, measures.length);
  return features;
};

const BY_TREES = 0.7;

export const learnedChances = (linear: Float64Array, trees: Float64Array): Chances => mixed(BY_TREES, softmax(trees), softmax(linear));

export const trustIn = ({ weights, bias, slope }: Gate, { signs }: Familiarity): number => {
  const odds = signs.reduce((sum, sign, i) => sum + sign * (weights[i + 1] as number), weights[0] as number);
  return 1 / (1 + Math.exp(-(bias + slope * odds)));
};

export const combined = (gate: Gate, trust: number, learned: Chances, built: Chances): Chances =>
  sharpened(mixed(trust, learned, built), gate.sharpness[0] + gate.sharpness[1] * trust);

/** What needs no model. */
export const prepare = (input: RecognitionInput): Pick<Examined, 'facts' | 'situation' | 'measures' | 'hashes' | 'sparse'> => {
  const reading = read(input);
  const facts = factsOf(reading, sketchOf(reading));
  const hashes = hashTokens(reading.tokens);
  return { facts, situation: situationOf(facts), measures: measure(facts), hashes, sparse: sparseOf(hashes) };
};

export const examine = (model: RecogniserModel, input: RecognitionInput): Examined => {
  const prepared = prepare(input);
  const { facts, situation, measures, sparse } = prepared;
  const standard = standardised(measures, model.linear);
  const scores = linearScores(model.linear, sparse, standard);
  const learned = learnedChances(scores, forestScores(model.forest, treeFeatures(measures, scores)));
  const built = model.situations.get(situation.key) ?? situation.judged;
  const familiarity = familiarityOf(model.style, facts.reading.tokens, prepared.hashes);
  const trust = situation.open ? 0 : trustIn(model.gate, familiarity);
  const chances = withSteps(combined(model.gate, trust, learned, built), facts.steps.count);
  return { ...prepared, standard, learned, built, familiarity, trust, chances: exact(chances) };
};
