/** What holds for anybody's requests: learned from ones written for it in many manners, and a few of each family of sources. */
import type { Learner } from '../model.js';
import { familiesOf, type Example } from './examples.js';
import { trainLearner } from './learner-training.js';

/** Requests of a family, about as many as of one manner: more would teach the family's. */
const MOST = 150;
const SEED = 11;
const FOLDS = 4;

const spread = <T>(items: readonly T[], most: number): T[] =>
  items.length <= most ? [...items] : Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)] as T);

/** The fold of each: a whole source is in one, where there are as many sources as folds. */
export const foldsBySource = (examples: readonly Example[], folds: number): number[] => {
  const sources = [...new Set(examples.map(({ source }) => source))].sort();
  return examples.map(({ source }, i) => (sources.length < folds ? i : sources.indexOf(source)) % folds);
};

export const trainGeneral = (examples: readonly Example[], written: readonly Example[]): Learner => {
  const few = familiesOf(examples).flatMap((family) =>
    spread(
      examples.filter((example) => example.family === family),
      MOST,
    ),
  );
  const all = [...written, ...few];
  const folds = foldsBySource(all, FOLDS);
  const cases = all.map(({ measures, shaped, truth }) => ({ measures, sparse: shaped, truth }));
  return trainLearner(cases, { seed: SEED, folds: FOLDS, foldOf: (i) => folds[i] as number });
};
