/** What in a reading speaks for which pattern: a few named findings, in words for people and as keys for the calibration. */
import type { Pattern } from '@mandate/contracts';
import { patternOf } from '../planning/graph.js';
import type { Clause } from './clauses.js';
import type { Reading } from './reading.js';
import { connect, inspectsOnly, type Part, type Sketch } from './sketch.js';
import type { Ties } from './ties.js';

/** Chances of direct, sequential, parallel and meta by key of evidence. */
export type Calibration = Readonly<Record<string, readonly [number, number, number, number]>>;

export interface Evidence {
  /** Keys into the calibration, from the most general to the most particular. */
  keys: string[];
  /** The pattern of the graph that the words suggest, before any calibration. */
  opinion: Pattern;
  /** How sure the opinion is where nothing was measured. */
  assumed: number;
  reasons: string[];
}

const bucket = (value: number, ...bounds: number[]): number => bounds.filter((bound) => value >= bound).length;

const having = (clauses: readonly Clause[], tie: keyof Ties): number => clauses.filter((clause) => clause.ties[tie]).length;

/** None, some or most of the clauses behind the first. */
const share = (clauses: readonly Clause[], tie: keyof Ties): string => {
  const rest = clauses.slice(1);
  const count = having(rest, tie);
  return count === 0 ? '-' : count * 2 >= rest.length ? '+' : '~';
};

const flag = (letter: string, on: boolean): string => (on ? letter : '');

/** "A", "and then B": one sentence; each ask in a sentence of its own; or mixed. */
const placing = (asks: readonly Clause[]): 'one' | 'own' | 'mixed' => {
  const sentences = new Set(asks.map((clause) => clause.sentence)).size;
  return sentences === 1 ? 'one' : sentences === asks.length ? 'own' : 'mixed';
};

const manyAsks = (reading: Reading): string[] => {
  const { asks, tokens } = reading;
  const place = placing(asks);
  const rest = asks.slice(1);
  const refers = share(asks, 'refers');
  const order = flag('s', having(rest, 'sequence') > 0);
  const shape = `${bucket(asks.length - asks.filter(({ bare }) => bare).length, 2, 3, 4)}`;
  const cues = `${order}${flag('a', having(rest, 'addition') > 0)}${flag('c', having(rest, 'closing') > 0)}`;
  const own = asks.filter((clause) =>
    tokens.slice(clause.from, clause.to).some(({ kind }) => kind === 'number' || kind === 'quote' || kind === 'name'),
  ).length;
  return [
    `place=${place}`,
    `place=${place} refers=${refers} order=${order}`,
    `place=${place} refers=${refers} cues=${cues} n=${shape}`,
    `place=${place} refers=${refers} cues=${cues} n=${shape} echo=${share(asks, 'echoes')} values=${bucket((2 * own) / asks.length, 1, 2)} list=${bucket(reading.values, 2)}`,
  ];
};

const oneAsk = ({ asks, values, nesting, tokens, input }: Reading): string[] => {
  const ask = asks[0];
  const list = bucket(values, 2, 3);
  const hidden = bucket(
    asks.reduce((sum, clause) => sum + clause.hidden, 0),
    1,
    2,
    3,
  );
  const added = flag('a', ask?.ties.addition ?? false) + flag('p', ask?.ties.apart ?? false) + flag('s', ask?.ties.sequence ?? false);
  const length = bucket(tokens.length, 12, 30);
  return [
    `list=${list}`,
    `list=${list} hidden=${hidden} added=${added}`,
    `list=${list} hidden=${hidden} added=${added} and=${bucket(nesting.and, 1, 2)} length=${length} tools=${flag('t', input.tools !== undefined && input.tools.length > 0)}`,
  ];
};

const question = ({ nesting, tokens, asks, values, input }: Reading): string[] => {
  const compares = `${bucket(nesting.comparison, 1, 2)}${flag('o', nesting.or > 0)}${flag('s', nesting.superlative > 0)}`;
  const first = tokens.slice(0, 2).map(({ text }) => text);
  const word =
    first[0] === 'how' && (first[1] === 'many' || first[1] === 'much')
      ? 'quantity'
      : /^(?:who|what|which|when|where|how|why)$/u.test(first[0] ?? '')
        ? 'word'
        : 'other';
  const tools = flag('t', input.tools !== undefined && input.tools.length > 0);
  return [
    `n=${bucket(asks.length, 2)}`,
    `n=${bucket(asks.length, 2)} compares=${compares} tools=${tools}`,
    `n=${bucket(asks.length, 2)} compares=${compares} relative=${bucket(nesting.relative, 1, 2)} of=${bucket(nesting.of, 1, 2)} word=${word} list=${bucket(values, 2)} tools=${tools}`,
  ];
};

/** Content words that one step shares with the step before it. */
const cohesion = (steps: readonly string[]): number => {
  const roots = steps.map((step) => new Set((step.toLowerCase().match(/\p{L}{4,}/gu) ?? []).map((word) => word.slice(0, 5))));
  const linked = roots.slice(1).filter((set, i) => [...set].some((root) => (roots[i] as Set<string>).has(root))).length;
  return roots.length > 1 ? linked / (roots.length - 1) : 0;
};

const listed = (steps: readonly string[]): string[] => {
  const n = bucket(steps.length, 2, 3, 4, 6, 8);
  return [`n=${n}`, `n=${n} cohesion=${bucket(cohesion(steps), 0.25, 0.5, 0.75)}`];
};

const keysOf = (reading: Reading, parts: readonly Part[]): string[] => {
  switch (reading.form) {
    case 'given':
    case 'listed':
      return listed(parts.map(({ text }) => text));
    case 'question':
      return question(reading);
    case 'unclear':
      return oneAsk(reading);
    case 'asked':
      return reading.asks.length === 1 ? oneAsk(reading) : manyAsks(reading);
  }
};

/** Hardly more than a guess among four. */
const UNMEASURED = 0.4;
/**
 * Assumed, not measured: a request that names its structure is taken at its word. The labelled sets hold 2 of the first kind and 4 of the
 * second, and only 1 of these 6 has the label that the rules give it: too few to measure by, but no support (docs/recognition.md).
 */
const ASSUMED: Readonly<Record<string, number>> = { stated: 0.7, inspections: 0.6 };

/**
 * Finer than the reading's form: `stated`, where "in parallel" or "separately" says how steps lie; `inspections`, which need nothing of each
 * other; `single`, one ask.
 */
const formOf = (reading: Reading, parts: readonly Part[]): string => {
  if (reading.form !== 'asked') return reading.form;
  if (parts.some(({ link }) => link === 'apart')) return 'stated';
  if (inspectsOnly(reading)) return 'inspections';
  return reading.asks.length === 1 ? 'single' : 'asked';
};

export const evidenceOf = (reading: Reading, { parts, unsaid, reasons }: Sketch): Evidence => {
  const steps = connect(parts, unsaid);
  const opinion = patternOf(steps.map(({ dependsOn }, i) => ({ id: String(i), dependsOn: dependsOn.map(String) })));
  const said = parts.slice(1).every(({ link }) => link !== 'unsaid') ? 'said' : 'unsaid';
  const form = formOf(reading, parts);
  const top = `${form} ${opinion} ${said}`;
  return { keys: [top, ...keysOf(reading, parts).map((key) => `${top} ${key}`)], opinion, assumed: ASSUMED[form] ?? UNMEASURED, reasons };
};
