/** Everything that was learned, and the state it is in when a request is looked at. Arrays are read, never written. */
import { exact, mixed, sharpened, softmax, withSteps, type Chances } from './chances.js';
import { factsOf, type Facts } from './facts.js';
import { hashTokens, sparseOf, type Sparse } from './features.js';
import { linearScores, standardised, type LinearModel } from './linear.js';
import { measure } from './measures.js';
import { situationOf, type Situation } from './opinion.js';
import { read, type RecognitionInput } from './reading.js';
import { shapedOf } from './shapes.js';
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

/** A logistic model over word runs and measures, and trees over the measures and its scores. */
export interface Learner {
  linear: LinearModel;
  forest: Forest;
}

export interface RecogniserModel {
  header: ModelHeader;
  /** Of the sources. */
  linear: LinearModel;
  forest: Forest;
  /** Of requests in many manners and, of each source, a few: what holds for anybody's. */
  general: Learner;
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
  /** By words and measures, as learned of the sources. */
  learned: Chances;
  /** By words, shapes and measures, as learned of requests in many manners; null where it is not asked. */
  general: Chances | null;
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

/** `strange`: what is thought of the request, whoever wrote it. */
export const combined = (gate: Gate, trust: number, learned: Chances, strange: Chances): Chances =>
  sharpened(mixed(trust, learned, strange), gate.sharpness[0] + gate.sharpness[1] * trust);

const BY_LEARNING = 0.55;
/** Where the text itself says how its steps lie, rules know the words. */
const BY_LEARNING_OF_STATED = 0.35;

/** Beyond it strangers' chances have less than a hundredth of the say, and are not worth half as much work again. */
const AT_HOME = 0.99;

/**
 * Judged rules hold where requests say how they are built in the words that rules know, and what was learned in many manners holds elsewhere: neither knows
 * where. A text that names only a goal is learned from in vain.
 */
export const strangeChances = ({ stated }: Situation, general: Chances | null, built: Chances): Chances =>
  general ? mixed(stated ? BY_LEARNING_OF_STATED : BY_LEARNING, general, built) : built;

/** What a learner makes of a request. `standard`: the measures as its linear model takes them. */
export const chancesBy = (
  { linear, forest }: Learner,
  measures: Float64Array,
  sparse: Sparse,
  standard = standardised(measures, linear),
): Chances => {
  const scores = linearScores(linear, sparse, standard);
  return learnedChances(scores, forestScores(forest, treeFeatures(measures, scores)));
};

/** What needs no model. */
export type Prepared = Pick<Examined, 'facts' | 'situation' | 'measures' | 'hashes' | 'sparse'>;

export const prepare = (input: RecognitionInput): Prepared => {
  const reading = read(input);
  const facts = factsOf(reading, sketchOf(reading));
  const hashes = hashTokens(reading.tokens);
  return { facts, situation: situationOf(facts), measures: measure(facts), hashes, sparse: sparseOf(hashes) };
};

export const examine = (model: RecogniserModel, input: RecognitionInput): Examined => {
  const prepared = prepare(input);
  const { facts, situation, measures, hashes, sparse } = prepared;
  const { tokens } = facts.reading;
  const standard = standardised(measures, model.linear);
  const learned = chancesBy(model, measures, sparse, standard);
  const built = model.situations.get(situation.key) ?? situation.judged;
  const familiarity = familiarityOf(model.style, tokens, hashes);
  const trust = situation.open ? 0 : trustIn(model.gate, familiarity);
  const asked = !situation.open && trust < AT_HOME;
  const general = asked ? chancesBy(model.general, measures, shapedOf(sparse, tokens, hashes)) : null;
  const chances = withSteps(combined(model.gate, trust, learned, strangeChances(situation, general, built)), facts.steps.count);
  return { ...prepared, standard, learned, general, built, familiarity, trust, chances: exact(chances) };
};
