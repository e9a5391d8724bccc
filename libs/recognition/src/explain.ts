/** Why a request was recognised as it was: which clauses, features and rules spoke for it. A pure function of model and request. */
import type { Pattern } from '@mandate/contracts';
import { best, CLASSES, ORDER, type Chances } from './chances.js';
import { MEASURES } from './measures.js';
import { examine, type Examined, type RecogniserModel } from './model.js';
import type { RecognitionInput } from './reading.js';
import { ranked, type PatternConfidence } from './recognise.js';
import type { Link } from './sketch.js';

export interface Explanation {
  pattern: Pattern;
  confidence: number;
  /** The parts found in the text and what ties each to those before. They quote the request: personal. */
  clauses: { text: string; link: Link }[];
  /** The rule that the structural opinion rests on, and its chances. */
  rule: { name: string; because: string; alternatives: PatternConfidence[] };
  /** What requests in many manners taught; null where the request reads so familiar, or says so little, that it is not asked. */
  general: { alternatives: PatternConfidence[] } | null;
  /** What the learned part thought, and the features that moved it most towards the answer, strongest first. */
  learned: { alternatives: PatternConfidence[]; features: { name: string; value: number; towards: number }[] };
  /** How far the learned part was trusted, 0 to 1, and the source that the request reads most like. */
  trust: { share: number; nearest: string };
  model: { name: string; version: string };
}

const SHOWN = 5;

/** Log-odds that a measure adds for a pattern over the mean of the others. */
const contributions = (
  { linear }: RecogniserModel,
  { standard, measures }: Examined,
  pattern: number,
): Explanation['learned']['features'] =>
  MEASURES.map(([name], i) => {
    const weights = Array.from({ length: CLASSES }, (_, c) => linear.dense[i * CLASSES + c] as number);
    const others = weights.reduce((sum, weight, c) => sum + (c === pattern ? 0 : weight), 0) / (CLASSES - 1);
    return { name, value: measures[i] as number, towards: (standard[i] as number) * ((weights[pattern] as number) - others) };
  })
    .filter(({ towards, value }) => towards > 0 && value !== 0)
    .sort((a, b) => b.towards - a.towards)
    .slice(0, SHOWN);

/** `chances`: those that were answered, where a tenant's layer changed them. */
export const explain = (model: RecogniserModel, input: RecognitionInput, chances?: Chances): Explanation => {
  const examined = examine(model, input);
  const answered = chances ?? examined.chances;
  const top = best(answered);
  const { situation, facts, built, learned, general, familiarity, trust } = examined;
  return {
    pattern: ORDER[top] as Pattern,
    confidence: answered[top] as number,
    clauses: facts.sketch.parts.map(({ text, link }) => ({ text, link })),
    rule: { name: situation.key, because: situation.because, alternatives: ranked(built) },
    general: general && { alternatives: ranked(general) },
    learned: { alternatives: ranked(learned), features: contributions(model, examined, top) },
    trust: { share: trust, nearest: familiarity.nearest },
    model: { name: model.header.name, version: model.header.version },
  };
};
