/** Training as a whole. Deterministic: the same examples in the same order give the same model. */
import { CLASSES } from '../chances.js';
import { chancesBy, strangeChances, type Learner, type ModelHeader, type RecogniserModel } from '../model.js';
import { familiarityOf } from '../familiarity.js';
import { familiesOf, type Example } from './examples.js';
import { trainGate, type HeldOut } from './gate-training.js';
import { foldsBySource, trainGeneral } from './general-training.js';
import { trainLearner } from './learner-training.js';
import { trainSituations } from './situation-training.js';
import { trainStyle } from './style-training.js';

export interface TrainingSet {
  /** Requests of sources: the model is at home in them. */
  examples: readonly Example[];
  /** Requests written for training, in many manners, of which it is to know no single one. */
  written: readonly Example[];
  /** What these taught already: nothing is learned of it then. */
  general?: Learner;
}

/** All but the gate: what one set teaches. */
export type Taught = Omit<RecogniserModel, 'header' | 'gate'>;

const SEED = 1;
const FOLDS = 4;
const INNER_FOLDS = 3;

const without = <T>(items: readonly T[], fold: number, folds: number): T[] => items.filter((_, i) => i % folds !== fold);

export const teach = ({ examples, written, general }: TrainingSet): Taught => ({
  ...trainLearner(examples, { seed: SEED, folds: INNER_FOLDS, foldOf: (i) => i % INNER_FOLDS }),
  general: general ?? trainGeneral(examples, written),
  style: trainStyle(examples),
  situations: trainSituations(examples),
});

/** What a model that did not read `example` makes of it. */
export const heldOut = (taught: Taught, example: Example, known: boolean): HeldOut => {
  const { situation, measures, sparse, shaped, hashes, facts, family, truth } = example;
  const built = taught.situations.get(situation.key) ?? situation.judged;
  return {
    known,
    family,
    truth,
    learned: chancesBy(taught, measures, sparse),
    strange: strangeChances(situation, situation.open ? null : chancesBy(taught.general, measures, shaped), built),
    familiarity: familiarityOf(taught.style, facts.reading.tokens, hashes),
  };
};

/** Models of which each never read one family. */
export type FamilyModels = ReadonlyMap<string, Taught>;

export const teachWithoutFamilies = (set: TrainingSet, note: (message: string) => void): FamilyModels =>
  new Map(
    familiesOf(set.examples).flatMap((family, _, all): [string, Taught][] => {
      if (all.length === 1) return [];
      note(`without ${family}`);
      return [[family, teach({ ...set, examples: set.examples.filter((example) => example.family !== family) })]];
    }),
  );

/** Written requests, each as seen by a model that read no other in its manner. */
export const writtenHeldOut = ({ examples, written }: TrainingSet, whole: Taught): { taught: Taught; example: Example }[] => {
  const folds = foldsBySource(written, FOLDS);
  return Array.from({ length: written.length > 0 ? FOLDS : 0 }, (_, fold) => {
    const others = written.filter((__, i) => folds[i] !== fold);
    const taught = { ...whole, general: trainGeneral(examples, others) };
    return written.filter((__, i) => folds[i] === fold).map((example) => ({ taught, example }));
  }).flat();
};

/**
 * Every example as held out with its fold, and as held out with its family, where there is another family to learn from; and written requests as held out
 * with their manner. `whole`: what the whole set taught.
 */
export const heldOutCases = (set: TrainingSet, whole: Taught, families: FamilyModels, note: (message: string) => void): HeldOut[] => {
  const { examples } = set;
  const known: HeldOut[] = [];
  for (let fold = 0; fold < FOLDS; fold++) {
    note(`fold ${fold + 1} of ${FOLDS}`);
    const taught = teach({ ...set, examples: without(examples, fold, FOLDS) });
    for (let i = fold; i < examples.length; i += FOLDS) known.push(heldOut(taught, examples[i] as Example, true));
  }
  const strangers = examples.flatMap((example) => {
    const taught = families.get(example.family);
    return taught ? [heldOut(taught, example, false)] : [];
  });
  note('without manners');
  // What may be any pattern says nothing of how sure to be of one.
  const manners = writtenHeldOut(set, whole).filter(({ example }) => example.accept.length < CLASSES);
  return [...known, ...strangers, ...manners.map(({ taught, example }) => heldOut(taught, example, false))];
};

/** A model that never met `family`, neither in what it learned nor in how far it trusts that. */
export const modelWithout = (family: string, families: FamilyModels, cases: readonly HeldOut[], header: ModelHeader): RecogniserModel => ({
  header,
  ...(families.get(family) as Taught),
  gate: trainGate(cases.filter((one) => one.family !== family)),
});

export const trainModel = (whole: Taught, cases: readonly HeldOut[], header: ModelHeader): RecogniserModel => ({
  header,
  ...whole,
  gate: trainGate(cases),
});
