/** The kill test's figures. */
import type { Kill } from './killer.js';
import type { Load } from './load.js';
import type { BusEvent, Log } from './log.js';
import { KINDS, type Kind } from './system.js';

interface Spread {
  median: number;
  max: number;
}

export interface KillReport {
  seed: number;
  seconds: number;
  delegations: number;
  steps: number;
  events: number;
  /** How often each kind was killed, and how long it took, in milliseconds, until it was healthy and until the next step succeeded after that. */
  kills: Record<Kind, { times: number; healthyMs: Spread; workingMs: Spread }>;
  publishesRepeated: number;
  /** Attempts that a worker began; the rest of what the kills cost. */
  handlerRuns: number;
  eventsPublishedAgain: number;
  parkedResults: number;
  /** What does not hold. */
  violations: string[];
}

export interface Figures {
  seed: number;
  load: Load;
  kills: readonly Kill[];
  stored: Log;
  published: readonly BusEvent[];
  handlerRuns: number;
  parked: number;
  violations: string[];
  seconds: number;
}

const spread = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0 };
};

export const reportOf = ({ seed, load, kills, stored, published, handlerRuns, parked, violations, seconds }: Figures): KillReport => {
  const successes = stored.events.filter(({ type }) => type === 'stepsucceeded').map(({ recordedAt }) => recordedAt);
  const working = ({ at, healthyAt }: Kill): number[] => {
    const next = successes.find((recordedAt) => recordedAt >= healthyAt);
    return next === undefined ? [] : [next - at];
  };
  const byKind = (kind: Kind): KillReport['kills'][Kind] => {
    const ofKind = kills.filter((kill) => kill.kind === kind);
    return {
      times: ofKind.length,
      healthyMs: spread(ofKind.map(({ at, healthyAt }) => healthyAt - at)),
      workingMs: spread(ofKind.flatMap(working)),
    };
  };
  return {
    seed,
    seconds: Math.round(seconds * 10) / 10,
    delegations: load.asked.length,
    steps: successes.length,
    events: stored.events.length,
    kills: Object.fromEntries(KINDS.map((kind) => [kind, byKind(kind)])) as KillReport['kills'],
    publishesRepeated: load.retries,
    handlerRuns,
    eventsPublishedAgain: published.length - new Set(published.map(({ id }) => id)).size,
    parkedResults: parked,
    violations,
  };
};

export const textOf = (report: KillReport): string => {
  const kills = Object.entries(report.kills).map(
    ([kind, { times, healthyMs, workingMs }]) =>
      `  ${kind.padEnd(9)} ${String(times).padStart(3)} kills, healthy after ${healthyMs.median} ms (at most ${healthyMs.max}), a step succeeded after ${workingMs.median} ms (at most ${workingMs.max})`,
  );
  return [
    `${report.delegations} delegations, ${report.steps} steps, ${report.events} events in ${report.seconds} s (seed ${report.seed})`,
    ...kills,
    `  ${report.publishesRepeated} publishes repeated, ${report.handlerRuns} attempts begun, ${report.eventsPublishedAgain} events published again, ${report.parkedResults} late results parked`,
    ...(report.violations.length === 0 ? ['  everything holds'] : report.violations.map((violation) => `  VIOLATED: ${violation}`)),
  ].join('\n');
};
