/** Labelled requests, read once for all that is trained on them. */
import type { Pattern } from '@mandate/contracts';
import { ORDER } from '../chances.js';
import type { Sparse } from '../features.js';
import { prepare, type Prepared } from '../model.js';
import type { RecognitionInput } from '../reading.js';
import { shapedOf } from '../shapes.js';

/** One labelled request. */
export interface Labelled {
  source: string;
  label: Pattern;
  /** Labels counted right. */
  accept: readonly Pattern[];
  /** The true number of steps, where known. */
  steps?: number;
  input: RecognitionInput;
}

export interface Example extends Labelled, Prepared {
  /** Runs of words, and of shapes. */
  shaped: Sparse;
  /** The label's place. */
  truth: number;
  /** Parts of one collection by one author are one family. */
  family: string;
}

export const familyOf = (source: string): string => source.split('_')[0] as string;

export const exampleOf = (labelled: Labelled): Example => {
  const prepared = prepare(labelled.input);
  return {
    ...labelled,
    ...prepared,
    shaped: shapedOf(prepared.sparse, prepared.facts.reading.tokens, prepared.hashes),
    truth: ORDER.indexOf(labelled.label),
    family: familyOf(labelled.source),
  };
};

export const familiesOf = (examples: readonly Example[]): string[] => [...new Set(examples.map(({ family }) => family))].sort();
