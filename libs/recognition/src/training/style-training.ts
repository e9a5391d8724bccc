/** Counts how each source writes, and how its own requests score where they were not counted. */
import { countsFrom, packCount, type Counts } from '../counts.js';
import {
  backgroundOf,
  styleRuns,
  styleScore,
  styleView,
  type Runs,
  type StyleModel,
  type StyleSource,
  type StyleView,
  type View,
} from '../style.js';
import type { Example } from './examples.js';

/** A run of three that stands in one request only says little about its author, and is left out. */
const LEAST_TRIPLES = 2;

class Tally {
  private readonly found = new Map<number, number>();

  add(keys: Uint32Array, from: number): void {
    for (let at = from; at < keys.length; at++) this.found.set(keys[at] as number, (this.found.get(keys[at] as number) ?? 0) + 1);
  }

  entries(least: number): [number, number][] {
    return [...this.found].filter(([, count]) => count >= least);
  }
}

const tableOf = (entries: [number, number][]): Counts => {
  const sorted = [...new Map(entries)].sort(([a], [b]) => a - b);
  return countsFrom(
    sorted.map(([key]) => key),
    sorted.map(([, count]) => packCount(count)),
  );
};

const counted = (name: string, requests: readonly Runs[]): StyleSource => {
  const [one, two, three] = [new Tally(), new Tally(), new Tally()];
  for (const runs of requests) {
    one.add(runs.one, 0);
    two.add(runs.two, 1);
    three.add(runs.three, 2);
  }
  const size = requests.reduce((sum, runs) => sum + runs.one.length, 0);
  return {
    name,
    size,
    words: tableOf(one.entries(1)),
    runs: tableOf([...two.entries(1), ...three.entries(LEAST_TRIPLES)]),
    mean: 0,
    deviation: 1,
  };
};

/** Mean and deviation of a source's requests under a model of the other half of it. */
const usual = (name: string, requests: readonly Runs[], all: readonly StyleSource[]): { mean: number; deviation: number } => {
  const scores = [0, 1].flatMap((half) => {
    const source = counted(
      name,
      requests.filter((_, i) => i % 2 !== half),
    );
    return requests.filter((_, i) => i % 2 === half).map((runs) => styleScore(source, backgroundOf(all, runs), runs));
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length);
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / Math.max(1, scores.length);
  return { mean, deviation: Math.sqrt(variance) || 1 };
};

const trainView = (examples: readonly Example[], view: View): StyleView => {
  const bySource = new Map<string, Runs[]>();
  for (const { source, facts, hashes } of examples) {
    const requests = bySource.get(source) ?? [];
    requests.push(styleRuns(view, facts.reading.tokens, hashes));
    bySource.set(source, requests);
  }
  const named = [...bySource].sort(([a], [b]) => (a < b ? -1 : 1));
  const whole = named.map(([name, requests]) => counted(name, requests));
  return styleView(whole.map((source, i) => ({ ...source, ...usual(source.name, named[i]?.[1] ?? [], whole) })));
};

export const trainStyle = (examples: readonly Example[]): StyleModel => ({
  words: trainView(examples, 'words'),
  structure: trainView(examples, 'structure'),
});
