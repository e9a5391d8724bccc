/** Training as a whole. Deterministic: the same examples in the same order give the same model. */
import type { Chances } from '../chances.js';
import { learnedChances, treeFeatures, type ModelHeader, type RecogniserModel } from '../model.js';
import { familiarityOf } from '../familiarity.js';
import { forestScores } from '../trees.js';
import { familiesOf, type Example } from './examples.js';
import { trainGate, type HeldOut } from './gate-training.js';
import { linearOf, trainLinear } from './linear-training.js';
import { trainSituations } from './situation-training.js';
import { trainStyle } from './style-training.js';
import { trainForest } from './tree-training.js';

/** All but the gate: what one set of examples teaches. */
export type Taught = Pick<RecogniserModel, 'linear' | 'forest' | 'style' | 'situations'>;

const SEED = 1;
const FOLDS = 4;
/** Trees learn from linear scores of requests that the linear model did not read. */
const INNER_FOLDS = 3;

const without = <T>(items: readonly T[], fold: number, folds: number): T[] => items.filter((_, i) => i % folds !== fold);

export const teach = (examples: readonly Example[]): Taught => {
  const scores = new Array<Float64Array>(examples.length);
  for (let fold = 0; fold < INNER_FOLDS; fold++) {
    const model = trainLinear(without(examples, fold, INNER_FOLDS), SEED + fold);
    for (let i = fold; i < examples.length; i += INNER_FOLDS) scores[i] = linearOf(model, examples[i] as Example);
  }
  const rows = examples.map(({ measures }, i) => treeFeatures(measures, scores[i] as Float64Array));
  return {
    linear: trainLinear(examples, SEED),
    forest: trainForest(
      rows,
      examples.map(({ truth }) => truth),
      SEED,
    ),
    style: trainStyle(examples),
    situations: trainSituations(examples),
  };
};

const learnedBy = ({ linear, forest }: Taught, example: Example): Chances => {
  const scores = linearOf(linear, example);
  return learnedChances(scores, forestScores(forest, treeFeatures(example.measures, scores)));
};

/** What a model that did not read `example` makes of it. */
export const heldOut = (taught: Taught, example: Example, known: boolean): HeldOut => ({
  known,
  family: example.family,
  truth: example.truth,
  learned: learnedBy(taught, example),
  built: taught.situations.get(example.situation.key) ?? example.situation.judged,
  familiarity: familiarityOf(taught.style, example.facts.reading.tokens, example.hashes),
});

/** Models of which each never read one family. */
export type FamilyModels = ReadonlyMap<string, Taught>;

export const teachWithoutFamilies = (examples: readonly Example[], note: (message: string) => void): FamilyModels =>
  new Map(
    familiesOf(examples).flatMap((family, _, all): [string, Taught][] => {
      if (all.length === 1) return [];
      note(`without ${family}`);
      return [[family, teach(examples.filter((example) => example.family !== family))]];
    }),
  );

/** Every example as held out with its fold, and as held out with its family, where there is another family to learn from. */
export const heldOutCases = (examples: readonly Example[], families: FamilyModels, note: (message: string) => void): HeldOut[] => {
  const known: HeldOut[] = [];
  for (let fold = 0; fold < FOLDS; fold++) {
    note(`fold ${fold + 1} of ${FOLDS}`);
    const taught = teach(without(examples, fold, FOLDS));
    for (let i = fold; i < examples.length; i += FOLDS) known.push(heldOut(taught, examples[i] as Example, true));
  }
  const strangers = examples.flatMap((example) => {
    const taught = families.get(example.family);
    return taught ? [heldOut(taught, example, false)] : [];
  });
  return [...known, ...strangers];
};

/** A model that never met `family`, neither in what it learned nor in how far it trusts that. */
export const modelWithout = (family: string, families: FamilyModels, cases: readonly HeldOut[], header: ModelHeader): RecogniserModel => ({
  header,
  ...(families.get(family) as Taught),
  gate: trainGate(cases.filter((one) => one.family !== family)),
});

export const trainModel = (examples: readonly Example[], cases: readonly HeldOut[], header: ModelHeader): RecogniserModel => ({
  header,
  ...teach(examples),
  gate: trainGate(cases),
});
