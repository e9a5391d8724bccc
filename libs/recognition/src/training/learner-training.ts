/** Trains a learner: its linear model, and trees that see the measures and that model's scores. */
import { treeFeatures, type Learner } from '../model.js';
import { linearOf, trainLinear, type Case } from './linear-training.js';
import { trainForest } from './tree-training.js';

export interface LearnerOptions {
  seed: number;
  /** Trees learn from linear scores of requests that the linear model did not read: of another fold, by the request's place. */
  folds: number;
  foldOf: (place: number) => number;
}

export const trainLearner = (cases: readonly Case[], { seed, folds, foldOf }: LearnerOptions): Learner => {
  const rows = new Array<Float64Array>(cases.length);
  for (let fold = 0; fold < folds; fold++) {
    const model = trainLinear(
      cases.filter((_, i) => foldOf(i) !== fold),
      seed + fold,
    );
    cases.forEach((one, i) => {
      if (foldOf(i) === fold) rows[i] = treeFeatures(one.measures, linearOf(model, one));
    });
  }
  const truths = cases.map(({ truth }) => truth);
  return { linear: trainLinear(cases, seed), forest: trainForest(rows, truths, seed) };
};
