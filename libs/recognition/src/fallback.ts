/** When not to act on a recognition: it follows from what being wrong costs. */

export interface FallbackCosts {
  /** Of carrying out a wrong pattern. */
  wrong: number;
  /** Of a plain delegation where a pattern would have fitted; in the same unit. */
  fallback: number;
}

/** A wrong pattern wastes the work of several steps, a fallback some of one: three to one while nobody says otherwise. */
export const DEFAULT_COSTS: FallbackCosts = { wrong: 3, fallback: 1 };

/** The confidence from which acting is worth it: `(1 - p) · wrong <= fallback`. */
export const fallbackThreshold = (wrong: number, fallback: number): number => Math.min(1, Math.max(0, 1 - fallback / wrong));

export const DEFAULT_FALLBACK_THRESHOLD: number = fallbackThreshold(DEFAULT_COSTS.wrong, DEFAULT_COSTS.fallback);

export const shouldFallBack = ({ confidence }: { confidence: number }, threshold: number = DEFAULT_FALLBACK_THRESHOLD): boolean =>
  confidence < threshold;
