/**
 * What a worker's attempts of one capability say about it. Pure: counts that fade with the time between the events that they are made of, by
 * half in each half-life, so that the same events give the same numbers whenever they are folded.
 *
 * How sure the numbers are is told by Wilson's score interval (E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
 * Inference", JASA 22, 1927; recommended for small samples by Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion",
 * Statistical Science 16, 2001). The sum of the faded counts stands for the number of attempts in it. That is never more than Kish's effective
 * sample size, (Σw)² / Σw² with weights of at most 1, so the interval is rather too wide than too narrow, and widens as evidence ages.
 */

export interface Observation {
  result: 'succeeded' | 'failed' | 'timed-out' | 'lost' | 'unanswered';
  late: boolean;
  /** Of a success, in milliseconds. */
  ms: number | null;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Faded counts, as of `at`; `latencies` weigh the logarithms of latencies, whose sum and sum of squares are kept. */
export interface Standing {
  succeeded: number;
  failed: number;
  timedOut: number;
  lost: number;
  unanswered: number;
  late: number;
  latencies: number;
  logMs: number;
  logMsSquared: number;
  /** Attempts ever, unfaded. */
  observations: number;
  firstAt: number;
  at: number;
}

const FADING = ['succeeded', 'failed', 'timedOut', 'lost', 'unanswered', 'late', 'latencies', 'logMs', 'logMsSquared'] as const;

/** As of `now`; a standing does not grow younger. */
export const faded = (standing: Standing, now: number, halfLifeMs: number): Standing => {
  if (now <= standing.at) return standing;
  const factor = 2 ** ((standing.at - now) / halfLifeMs);
  const result = { ...standing, at: now };
  for (const name of FADING) result[name] *= factor;
  return result;
};

const fresh = (at: number): Standing => ({
  succeeded: 0,
  failed: 0,
  timedOut: 0,
  lost: 0,
  unanswered: 0,
  late: 0,
  latencies: 0,
  logMs: 0,
  logMsSquared: 0,
  observations: 0,
  firstAt: at,
  at,
});

const COUNTED = { succeeded: 'succeeded', failed: 'failed', 'timed-out': 'timedOut', lost: 'lost', unanswered: 'unanswered' } as const;

/** An attempt that ended before others that are known weighs as much less as it is older. */
export const observed = (before: Standing | null, { result, late, ms, at }: Observation, halfLifeMs: number): Standing => {
  const standing = { ...faded(before ?? fresh(at), at, halfLifeMs) };
  const weight = at < standing.at ? 2 ** ((at - standing.at) / halfLifeMs) : 1;
  standing[COUNTED[result]] += weight;
  if (late) standing.late += weight;
  if (ms !== null) {
    const logMs = Math.log(Math.max(1, ms));
    standing.latencies += weight;
    standing.logMs += weight * logMs;
    standing.logMsSquared += weight * logMs * logMs;
  }
  standing.observations += 1;
  standing.firstAt = Math.min(standing.firstAt, at);
  return standing;
};

export const volumeOf = ({ succeeded, failed, timedOut, lost, unanswered }: Standing): number =>
  succeeded + failed + timedOut + lost + unanswered;

export interface Interval {
  lower: number;
  upper: number;
}

/** 95 %, two-sided. */
const Z = 1.959964;

/** Of a proportion: `successes` of `trials`, which need not be whole. Everything is possible where there were none. */
export const wilson = (successes: number, trials: number): Interval => {
  if (trials <= 0) return { lower: 0, upper: 1 };
  const share = successes / trials;
  const z2 = (Z * Z) / trials;
  const centre = share + z2 / 2;
  const spread = Z * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials));
  return { lower: Math.max(0, (centre - spread) / (1 + z2)), upper: Math.min(1, (centre + spread) / (1 + z2)) };
};

/** What people are shown of a standing. */
export interface Figures extends Interval {
  /** Attempts, faded. */
  volume: number;
  /** Of them; null where there are none. */
  successRate: number | null;
  lateRate: number | null;
  /** Geometric mean of successes: latencies are skewed. */
  latencyMs: number | null;
  outcomes: { succeeded: number; failed: number; timedOut: number; lost: number; unanswered: number };
  /** Attempts ever. */
  observations: number;
}

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
/** What has faded this far is nothing any more. */
const NOTHING = 1e-6;

export const figuresOf = (standing: Standing): Figures => {
  const { succeeded, failed, timedOut, lost, unanswered, late, latencies, logMs, observations } = standing;
  const volume = volumeOf(standing);
  const { lower, upper } = wilson(succeeded, volume);
  const known = volume > NOTHING;
  return {
    volume: rounded(volume),
    successRate: known ? rounded(succeeded / volume) : null,
    lower: rounded(lower),
    upper: rounded(upper),
    lateRate: known ? rounded(late / volume) : null,
    latencyMs: latencies > NOTHING ? Math.round(Math.exp(logMs / latencies)) : null,
    outcomes: {
      succeeded: rounded(succeeded),
      failed: rounded(failed),
      timedOut: rounded(timedOut),
      lost: rounded(lost),
      unanswered: rounded(unanswered),
    },
    observations,
  };
};
