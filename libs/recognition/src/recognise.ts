/**
 * Which pattern of delegation a request in plain language asks for, and how sure that is. A model's parts are weighed by how familiar the
 * request is; the same model and request give the same answer to the last bit. No state, linear in the text.
 */
import type { Pattern } from '@mandate/contracts';
import { ORDER, type Chances } from './chances.js';
import { examine, type Examined, type RecogniserModel } from './model.js';
import type { RecognitionInput } from './reading.js';

export interface PatternConfidence {
  pattern: Pattern;
  confidence: number;
}

export interface Recognition extends PatternConfidence {
  /** All four, the likeliest first; they sum to exactly 1. */
  alternatives: PatternConfidence[];
  /** The number of steps, where the request states it. */
  steps?: number;
  /** Which clauses and cues led here. They quote the request: personal. */
  reasons: string[];
  model: { name: string; version: string };
}

/** Recognises requests; `examine` shows what each part of the model made of one. */
export interface Recogniser {
  (input: RecognitionInput): Recognition;
  readonly model: RecogniserModel;
}

export const ranked = (chances: Chances): PatternConfidence[] =>
  ORDER.map((pattern, place) => ({ pattern, confidence: chances[place] as number })).sort((a, b) => b.confidence - a.confidence);

const percent = (share: number): string => `${Math.round(100 * share)}%`;

const said = (chances: Chances): string => {
  const [{ pattern, confidence }] = ranked(chances) as [PatternConfidence];
  return `${pattern} in ${percent(confidence)} of cases`;
};

const reasonsFor = ({ facts, situation, learned, general, trust, familiarity }: Examined): string[] => {
  return [
    ...facts.sketch.reasons,
    `how it is built: ${situation.because}`,
    ...(general ? [`requests built alike, whoever wrote them: ${said(general)}`] : []),
    `requests in such words: ${said(learned)}; it reads ${percent(trust)} like ones known (nearest: ${familiarity.nearest})`,
  ];
};

/** The answer that chances make of an examined request. */
export const answerOf = (examined: Examined, chances: Chances, { name, version }: { name: string; version: string }): Recognition => {
  const { sketch } = examined.facts;
  const alternatives = ranked(chances);
  return {
    ...(alternatives[0] as PatternConfidence),
    alternatives,
    ...(sketch.counted ? { steps: sketch.parts.length } : {}),
    reasons: reasonsFor(examined),
    model: { name, version },
  };
};

export const recogniser = (model: RecogniserModel): Recogniser =>
  Object.assign(
    (input: RecognitionInput): Recognition => {
      const examined = examine(model, input);
      return answerOf(examined, examined.chances, model.header);
    },
    { model },
  );
