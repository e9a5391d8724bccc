/** How good answers are: accuracy, macro-F1, expected calibration error, accuracy of the surest, confusion. */
import { best, CLASSES, ORDER, type Chances } from '../chances.js';
import type { Labelled } from './examples.js';

export interface Judged {
  confidence: number;
  right: boolean;
  /** Places of the label (or of what was answered, where that is accepted) and of the answer. */
  truth: number;
  answer: number;
  /** The true and the stated number of steps, where known. */
  steps?: number;
  stated?: number;
}

export const judge = (labelled: Pick<Labelled, 'label' | 'accept' | 'steps'>, chances: Chances, stated?: number): Judged => {
  const answer = best(chances);
  const right = labelled.accept.some((pattern) => pattern === ORDER[answer]);
  return {
    confidence: chances[answer] as number,
    right,
    truth: right ? answer : ORDER.indexOf(labelled.label),
    answer,
    ...(labelled.steps === undefined ? {} : { steps: labelled.steps }),
    ...(stated === undefined ? {} : { stated }),
  };
};

export interface Bin {
  n: number;
  confidence: number;
  accuracy: number;
}

const BINS = 15;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

export const accuracyOf = (answers: readonly Judged[]): number => mean(answers.map(({ right }) => (right ? 1 : 0)));

/** Bins of equal width; empty ones are left out. */
export const reliabilityOf = (answers: readonly Judged[]): Bin[] =>
  Array.from({ length: BINS }, (_, bin) => answers.filter(({ confidence }) => Math.min(BINS - 1, Math.floor(confidence * BINS)) === bin))
    .filter((inBin) => inBin.length > 0)
    .map((inBin) => ({ n: inBin.length, confidence: mean(inBin.map(({ confidence }) => confidence)), accuracy: accuracyOf(inBin) }));

/** Expected calibration error (Naeini et al. 2015) over 15 bins. */
export const calibrationErrorOf = (answers: readonly Judged[]): number =>
  reliabilityOf(answers).reduce((sum, { n, confidence, accuracy }) => sum + (n * Math.abs(confidence - accuracy)) / answers.length, 0);

/** Rows: the truth; columns: the answer. */
export const confusionOf = (answers: readonly Judged[]): number[][] =>
  ORDER.map((_, truth) => ORDER.map((__, answer) => answers.filter((one) => one.truth === truth && one.answer === answer).length));

/** Over the patterns that occur. */
export const macroF1Of = (answers: readonly Judged[]): number => {
  const confusion = confusionOf(answers);
  const scores: number[] = [];
  for (let c = 0; c < CLASSES; c++) {
    const row = confusion[c] as number[];
    const occurs = row.reduce((a, b) => a + b, 0);
    const answered = confusion.reduce((sum, other) => sum + (other[c] as number), 0);
    if (occurs > 0) scores.push((2 * (row[c] as number)) / (occurs + answered));
  }
  return mean(scores);
};

export interface Selected {
  coverage: number;
  accuracy: number;
}

/** Accuracy of the surest, by how many of all they are. */
export const selectiveOf = (answers: readonly Judged[], points = 20): Selected[] => {
  const surest = [...answers].sort((a, b) => b.confidence - a.confidence);
  return Array.from({ length: points }, (_, i) => (i + 1) / points).map((coverage) => ({
    coverage,
    accuracy: accuracyOf(surest.slice(0, Math.ceil(coverage * surest.length))),
  }));
};

export interface Figures {
  n: number;
  accuracy: number;
  macroF1: number;
  calibrationError: number;
  confidence: number;
  /** Accuracy of the surest 80%. */
  surest: number;
  /** Share with less confidence than the threshold. */
  fallback: number;
  /** Share of stated step counts at most one off; NaN where none is known. */
  steps: number;
}

export const figuresOf = (answers: readonly Judged[], threshold: number): Figures => {
  const counted = answers.filter(({ steps, stated }) => steps !== undefined && stated !== undefined);
  return {
    n: answers.length,
    accuracy: accuracyOf(answers),
    macroF1: macroF1Of(answers),
    calibrationError: calibrationErrorOf(answers),
    confidence: mean(answers.map(({ confidence }) => confidence)),
    surest: selectiveOf(answers, 5)[3]?.accuracy ?? 0,
    fallback: mean(answers.map(({ confidence }) => (confidence < threshold ? 1 : 0))),
    steps:
      counted.length === 0
        ? NaN
        : mean(counted.map(({ steps, stated }) => (Math.abs((steps as number) - (stated as number)) <= 1 ? 1 : 0))),
  };
};
