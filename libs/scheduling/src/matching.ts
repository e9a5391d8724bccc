/**
 * Which of several workers that are free gets a step: Thompson sampling (W. R. Thompson, Biometrika 25, 1933; Chapelle and Li, "An Empirical
 * Evaluation of Thompson Sampling", NIPS 2011) over standings that fade, which is its discounted form for workers that change (Raj and Kalyani,
 * "Taming Non-stationary Bandits", 2017). For each candidate one value is drawn of how likely it succeeds and how long it takes; the step goes where
 * the time until it is done is shortest by these draws. Little is known of a new worker, so its draws vary, and it is tried; what is
 * known well hardly varies.
 *
 * A worker of which little is known is taken to be like the others of its capability: the prior is their pooled rate (empirical Bayes).
 */
import type { Free, Worker } from './blocks.js';
import { faded, volumeOf, type Standing } from './reputation.js';

export interface Matching {
  standingOf(tenant: string, instance: string, capability: string): Standing | undefined;
  halfLifeMs(tenant: string): number;
  /** Uniform in [0, 1). */
  random(): number;
}

/** So many are compared, drawn at random of all that are free, so that a decision takes no longer in a large fleet. */
const COMPARED = 16;
/** One choice in fifty asks for nobody's reputation: whoever got better is found out, however bad it was. */
const EXPLORING = 0.02;
/** How many attempts the prior is worth. */
const PRIOR = 4;
/** More attempts than this make nobody surer, so that equal workers share the work and a change shows soon. */
const ENOUGH = 50;
/** Of the logarithm of a latency where nothing is known. */
const SPREAD = 1;
/** Slowness weighs at most this much, quickness too: a worker that fails quickly must not look good. */
const LATENCY_WEIGHS = 4;

/** `free`: at least one. */
export const matchWorker = (free: readonly Free[], standingOf: (worker: Worker) => Standing | undefined, random: () => number): Worker => {
  const compared = free.length > COMPARED ? someOf(free, random) : free;
  const standings = compared.map(({ worker }) => standingOf(worker));
  if (standings.every((standing) => standing === undefined)) return leastLoaded(compared, random);
  if (random() < EXPLORING) return (compared[Math.floor(random() * compared.length)] as Free).worker;
  const pool = pooled(standings);
  let best = compared[0] as Free;
  let shortest = Infinity;
  compared.forEach((candidate, index) => {
    const time = timeUntilDone(standings[index], pool, random) * (1 + candidate.load);
    if (time < shortest) {
      best = candidate;
      shortest = time;
    }
  });
  return best.worker;
};

/** With what is known of workers of a tenant, as of `now`. */
export const standingsAt =
  (matching: Matching, { tenant, capability }: { tenant: string; capability: string }, now: number) =>
  ({ instance }: Worker): Standing | undefined => {
    const standing = matching.standingOf(tenant, instance, capability);
    return standing && faded(standing, now, matching.halfLifeMs(tenant));
  };

/** Ties are drawn for. */
const leastLoaded = (free: readonly Free[], random: () => number): Worker => {
  const lowest = Math.min(...free.map(({ load }) => load));
  const least = free.filter(({ load }) => load === lowest);
  return (least[Math.floor(random() * least.length)] as Free).worker;
};

/** Without replacement (Fisher and Yates). */
const someOf = (free: readonly Free[], random: () => number): Free[] => {
  const rest = [...free];
  for (let i = 0; i < COMPARED; i++) {
    const j = i + Math.floor(random() * (rest.length - i));
    [rest[i], rest[j]] = [rest[j] as Free, rest[i] as Free];
  }
  return rest.slice(0, COMPARED);
};

interface Pool {
  successRate: number;
  logMs: number;
  /** Standard deviation of the logarithm of a latency. */
  spread: number;
}

const pooled = (standings: readonly (Standing | undefined)[]): Pool => {
  let succeeded = 0;
  let volume = 0;
  let latencies = 0;
  let logMs = 0;
  let squares = 0;
  for (const standing of standings) {
    if (!standing) continue;
    succeeded += standing.succeeded;
    volume += volumeOf(standing);
    latencies += standing.latencies;
    logMs += standing.logMs;
    squares += standing.logMsSquared;
  }
  const mean = latencies > 0 ? logMs / latencies : 0;
  const variance = latencies > 1 ? Math.max(0, squares / latencies - mean * mean) : SPREAD;
  return { successRate: (succeeded + 1) / (volume + 2), logMs: mean, spread: Math.sqrt(variance) };
};

/** Expected attempts (one over the chance) times how long one takes beside the others, by one draw of each. */
const timeUntilDone = (standing: Standing | undefined, pool: Pool, random: () => number): number => {
  const volume = standing ? volumeOf(standing) : 0;
  const scale = volume > ENOUGH ? ENOUGH / volume : 1;
  const good = (standing?.succeeded ?? 0) * scale + PRIOR * pool.successRate;
  const bad = (volume - (standing?.succeeded ?? 0)) * scale + PRIOR * (1 - pool.successRate);
  const chance = Math.max(1e-3, beta(good, bad, random));
  return relativeLatency(standing, pool, random) / chance;
};

const relativeLatency = (standing: Standing | undefined, pool: Pool, random: () => number): number => {
  const known = Math.min(ENOUGH, standing?.latencies ?? 0);
  const own = standing && standing.latencies > 0 ? standing.logMs / standing.latencies - pool.logMs : 0;
  const centre = (known * own) / (known + PRIOR);
  const drawn = centre + (normal(random) * pool.spread) / Math.sqrt(known + PRIOR);
  return Math.min(LATENCY_WEIGHS, Math.max(1 / LATENCY_WEIGHS, Math.exp(drawn)));
};

/** Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958. */
const normal = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const beta = (a: number, b: number, random: () => number): number => {
  const x = gamma(a, random);
  return x / (x + gamma(b, random));
};

/** Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS 26, 2000. */
const gamma = (shape: number, random: () => number): number => {
  if (shape < 1) return gamma(shape + 1, random) * Math.max(Number.MIN_VALUE, 1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
};
