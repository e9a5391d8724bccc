/**
 * A model as bytes: one line of JSON (what it is, where it comes from, which arrays follow, small tables) and the arrays, little-endian.
 * The same model gives the same bytes.
 */
import { AppError } from '@mandate/kernel';
import { CLASSES, type Chances } from './chances.js';
import { countsFrom, entriesOf, type Counts } from './counts.js';
import { BUCKETS } from './features.js';
import { MEASURES } from './measures.js';
import type { LinearModel } from './linear.js';
import type { Gate, Learner, ModelHeader, RecogniserModel } from './model.js';
import { styleView, VIEWS, type StyleSource, type StyleView, type View } from './style.js';
import { forestOf } from './trees.js';

const FORMAT = 'mandate-recogniser/3';
/** Names of the measures, in order: a model trained with others must not be loaded. */
const MEASURED = MEASURES.map(([name]) => name);

type ArrayOf = 'f32' | 'i16' | 'i32' | 'u32' | 'u8';
const WIDTH: Readonly<Record<ArrayOf, number>> = { f32: 4, i16: 2, i32: 4, u32: 4, u8: 1 };

interface Section {
  name: string;
  of: ArrayOf;
  length: number;
}

interface Preamble extends ModelHeader {
  format: string;
  measures: string[];
  /** Of the word weights. */
  units: Record<Part, number>;
  gate: Gate;
  situations: [string, Chances][];
  styles: Record<View, { name: string; size: number; mean: number; deviation: number }[]>;
  sections: Section[];
}

const refused = (why: string): AppError =>
  new AppError(
    'BAD_MODEL',
    'invalid',
    `this is no model that this version can use: ${why}; train it again with "npm run train:recogniser"`,
  );

const put = (view: DataView, of: ArrayOf, at: number, value: number): void => {
  if (of === 'f32') view.setFloat32(at, value, true);
  else if (of === 'i16') view.setInt16(at, value, true);
  else if (of === 'i32') view.setInt32(at, value, true);
  else if (of === 'u32') view.setUint32(at, value, true);
  else view.setUint8(at, value);
};

const take = (view: DataView, of: ArrayOf, at: number): number => {
  if (of === 'f32') return view.getFloat32(at, true);
  if (of === 'i16') return view.getInt16(at, true);
  if (of === 'i32') return view.getInt32(at, true);
  return of === 'u32' ? view.getUint32(at, true) : view.getUint8(at);
};

const LARGEST = 32_767;

/** Word weights as 16-bit numbers of one unit: a half in 32,767 of the largest weight is all that is lost. */
const packed = ({ words, unit: known }: LinearModel): { unit: number; words: Int16Array } => {
  if (words instanceof Int16Array) return { unit: known, words };
  const top = words.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const unit = Math.fround(top / LARGEST) || 1;
  return { unit, words: Int16Array.from(words, (weight) => Math.max(-LARGEST, Math.min(LARGEST, Math.round(weight / unit)))) };
};

type Arrays = [name: string, of: ArrayOf, values: ArrayLike<number>][];

/** The learners of a model. */
const PARTS = ['sources', 'general'] as const;
type Part = (typeof PARTS)[number];
const learnersOf = (model: RecogniserModel): Record<Part, Learner> => ({ sources: model, general: model.general });

const learnerArrays = (part: Part, { linear, forest }: Learner, words: Int16Array): Arrays => [
  [`words ${part}`, 'i16', words],
  [`dense ${part}`, 'f32', linear.dense],
  [`mean ${part}`, 'f32', linear.mean],
  [`scale ${part}`, 'f32', linear.scale],
  [`bias ${part}`, 'f32', linear.bias],
  [`roots ${part}`, 'i32', forest.roots],
  [`feature ${part}`, 'i16', forest.feature],
  [`value ${part}`, 'f32', forest.value],
  [`below ${part}`, 'i16', forest.below],
  [`above ${part}`, 'i16', forest.above],
];

const styleArrays = (style: RecogniserModel['style']): Arrays =>
  VIEWS.flatMap((view) =>
    style[view].sources.flatMap(({ words: alone, runs }, i): Arrays => {
      const [one, more] = [entriesOf(alone), entriesOf(runs)];
      return [
        [`word keys ${view} ${i}`, 'u32', one.keys],
        [`word counts ${view} ${i}`, 'u8', one.packed],
        [`run keys ${view} ${i}`, 'u32', more.keys],
        [`run counts ${view} ${i}`, 'u8', more.packed],
      ];
    }),
  );

const usualOf = ({ sources }: StyleView): Preamble['styles']['words'] =>
  sources.map(({ name, size, mean, deviation }) => ({ name, size, mean, deviation }));

/** ASCII only: other characters are escaped, as JSON allows. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

export const encodeModel = (model: RecogniserModel): Uint8Array => {
  const learners = learnersOf(model);
  const words = { sources: packed(model.linear), general: packed(model.general.linear) };
  const arrays = [...PARTS.flatMap((part) => learnerArrays(part, learners[part], words[part].words)), ...styleArrays(model.style)];
  const preamble: Preamble = {
    format: FORMAT,
    ...model.header,
    measures: MEASURED,
    units: { sources: words.sources.unit, general: words.general.unit },
    gate: model.gate,
    situations: [...model.situations].sort(([a], [b]) => (a < b ? -1 : 1)),
    styles: { words: usualOf(model.style.words), structure: usualOf(model.style.structure) },
    sections: arrays.map(([name, of, values]) => ({ name, of, length: values.length })),
  };
  const line = `${asciiJson(preamble)}\n`;
  const bytes = new Uint8Array(line.length + arrays.reduce((sum, [, of, values]) => sum + WIDTH[of] * values.length, 0));
  for (let i = 0; i < line.length; i++) bytes[i] = line.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  let at = line.length;
  for (const [, of, values] of arrays) for (let i = 0; i < values.length; i++, at += WIDTH[of]) put(view, of, at, values[i] as number);
  return bytes;
};

const NEWLINE = 10;

const preambleOf = (bytes: Uint8Array): { preamble: Preamble; end: number } => {
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) throw refused('it has no header');
  let text = '';
  for (let i = 0; i < end; i += 4_096) text += String.fromCharCode(...bytes.subarray(i, Math.min(end, i + 4_096)));
  let preamble: Preamble;
  try {
    preamble = JSON.parse(text) as Preamble;
  } catch {
    throw refused('its header is not JSON');
  }
  if (preamble.format !== FORMAT) throw refused(`its format is not ${FORMAT}`);
  if (JSON.stringify(preamble.measures) !== JSON.stringify(MEASURED)) throw refused('it was trained with other measures');
  return { preamble, end: end + 1 };
};

const LENGTHS: ReadonlyMap<string, number> = new Map(
  PARTS.flatMap((part): [string, number][] => [
    [`words ${part}`, BUCKETS * CLASSES],
    [`dense ${part}`, MEASURED.length * CLASSES],
    [`mean ${part}`, MEASURED.length],
    [`scale ${part}`, MEASURED.length],
    [`bias ${part}`, CLASSES],
  ]),
);

/** Throws `BAD_MODEL` for bytes that are not a model of this version. Whether they may be trusted, a signature says, not this. */
export const decodeModel = (bytes: Uint8Array): RecogniserModel => {
  const { preamble, end } = preambleOf(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = new Map<string, { of: ArrayOf; at: number; length: number }>();
  let at = end;
  for (const { name, of, length } of preamble.sections) {
    const expected = LENGTHS.get(name);
    if (expected !== undefined && expected !== length) throw refused(`its part "${name}" has ${length} numbers, not ${expected}`);
    starts.set(name, { of, at, length });
    at += WIDTH[of] * length;
  }
  if (at !== bytes.length) throw refused(`it is ${bytes.length} bytes long, not ${at}`);
  const fill = <T extends Float32Array | Int16Array | Int32Array | Uint8Array | Uint32Array>(
    name: string,
    make: (length: number) => T,
  ): T => {
    const start = starts.get(name);
    if (!start) throw refused(`it has no part "${name}"`);
    const values = make(start.length);
    for (let i = 0; i < start.length; i++) values[i] = take(view, start.of, start.at + i * WIDTH[start.of]);
    return values;
  };
  const floats = (name: string): Float32Array => fill(name, (length) => new Float32Array(length));
  const shorts = (name: string): Int16Array => fill(name, (length) => new Int16Array(length));
  const { name, version, trainedOn, provenance, tenant, gate, situations, units } = preamble;
  const learnerOf = (part: Part): Learner => ({
    linear: {
      words: shorts(`words ${part}`),
      unit: units[part],
      dense: floats(`dense ${part}`),
      mean: floats(`mean ${part}`),
      scale: floats(`scale ${part}`),
      bias: floats(`bias ${part}`),
    },
    forest: forestOf({
      roots: fill(`roots ${part}`, (length) => new Int32Array(length)),
      feature: shorts(`feature ${part}`),
      value: floats(`value ${part}`),
      below: shorts(`below ${part}`),
      above: shorts(`above ${part}`),
    }),
  });
  const countsOf = (name: string): Counts =>
    countsFrom(
      fill(name.replace('*', 'keys'), (length) => new Uint32Array(length)),
      fill(name.replace('*', 'counts'), (length) => new Uint8Array(length)),
    );
  const viewOf = (view: View): StyleView =>
    styleView(
      preamble.styles[view].map((source, i): StyleSource => ({
        ...source,
        words: countsOf(`word * ${view} ${i}`),
        runs: countsOf(`run * ${view} ${i}`),
      })),
    );
  return {
    header: { name, version, trainedOn, provenance, ...(tenant === undefined ? {} : { tenant }) },
    ...learnerOf('sources'),
    general: learnerOf('general'),
    style: { words: viewOf('words'), structure: viewOf('structure') },
    gate,
    situations: new Map(situations),
  };
};
