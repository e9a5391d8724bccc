/**
 * Which pattern of delegation a request in plain language asks for, and how sure that is. Rules read the structure; the confidence of what
 * they find was measured on labelled requests (`calibration.ts`). No state, no learning, linear in the text.
 */
import type { Pattern } from '@mandate/contracts';
import { CALIBRATION } from './calibration.js';
import { evidenceOf, type Calibration, type Evidence } from './evidence.js';
import { read, type Reading, type RecognitionInput } from './reading.js';
import { sketchOf } from './sketch.js';

export interface PatternConfidence {
  pattern: Pattern;
  confidence: number;
}

export interface Recognition extends PatternConfidence {
  /** All four, the likeliest first; they sum to 1. */
  alternatives: PatternConfidence[];
  /** The number of steps, where the request states it. */
  steps?: number;
  /** Which clauses and cues led here. They quote the request: personal. */
  reasons: string[];
  model: { name: string; version: string };
}

export const RECOGNISER = { name: 'clause-rules', version: '1' } as const;
const ORDER = ['direct', 'sequential', 'parallel', 'meta'] as const;

const unmeasured = ({ opinion, assumed }: Evidence): number[] =>
  ORDER.map((pattern) => (pattern === opinion ? assumed : (1 - assumed) / (ORDER.length - 1)));

const probabilities = (evidence: Evidence, calibration: Calibration): readonly number[] => {
  const { keys } = evidence;
  for (let i = keys.length - 1; i >= 0; i--) {
    const measured = Object.hasOwn(calibration, keys[i] as string) ? calibration[keys[i] as string] : undefined;
    if (measured) return measured;
  }
  return unmeasured(evidence);
};

/** One given step leaves nothing to divide, several leave nothing whole. */
const withGivenSteps = (chances: readonly number[], { form, input }: Reading): readonly number[] => {
  if (form !== 'given') return chances;
  return chances.map((chance, i) => ((ORDER[i] === 'direct') === (input.givenSteps?.length === 1) ? chance + 1e-6 : 0));
};

const ranked = (chances: readonly number[]): PatternConfidence[] => {
  const total = chances.reduce((sum, chance) => sum + chance, 0);
  return ORDER.map((pattern, i) => ({ pattern, confidence: (chances[i] as number) / total })).sort((a, b) => b.confidence - a.confidence);
};

export const recogniser =
  (calibration: Calibration) =>
  (input: RecognitionInput): Recognition => {
    const reading = read(input);
    const sketch = sketchOf(reading);
    const evidence = evidenceOf(reading, sketch);
    const alternatives = ranked(withGivenSteps(probabilities(evidence, calibration), reading));
    const best = alternatives[0] as PatternConfidence;
    return {
      ...best,
      alternatives,
      ...(sketch.counted ? { steps: sketch.parts.length } : {}),
      reasons: evidence.reasons,
      model: RECOGNISER,
    };
  };

export const recognise = recogniser(CALIBRATION);

/** Falling back costs a less fitting shape, a wrong pattern costs wrong work: even odds are the least to act on while the costs are unknown. */
export const DEFAULT_FALLBACK_THRESHOLD = 0.5;

/**
 * The threshold that follows from costs: acting is worth it while `(1 - p) · wrongCost < fallbackCost`.
 * `wrongCost`: of carrying out a wrong pattern; `fallbackCost`: of a plain delegation where a pattern would have fitted; same unit.
 */
export const fallbackThreshold = (wrongCost: number, fallbackCost: number): number =>
  Math.min(1, Math.max(0, 1 - fallbackCost / wrongCost));

export const shouldFallBack = (recognition: Pick<Recognition, 'confidence'>, threshold: number = DEFAULT_FALLBACK_THRESHOLD): boolean =>
  recognition.confidence < threshold;
