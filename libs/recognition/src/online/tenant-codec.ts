/** A tenant's layer as bytes, for snapshots and digests: one line of JSON, then the numbers, little-endian. */
import { AppError } from '@mandate/kernel';
import type { Seen, Weights } from './layer.js';
import type { TenantState } from './tenant.js';

const FORMAT = 'mandate-tenant-layer/1';

interface Preamble {
  format: string;
  over: string;
  outcomes: number;
  trials: number;
  rollbacks: number;
  features: number;
  weights: number;
  /** The truth and the number of features of each lesson. */
  memory: [number, number][];
  guard: [number, number][];
}

const wordsOf = ({ current, safe, memory, guard }: TenantState): (Float32Array | Int32Array)[] => [
  ...[current, safe].flatMap(({ weights, slopes }) => [weights, slopes]),
  ...[...memory, ...guard].flatMap(({ seen }) => [seen.feature, seen.value]),
];

export const encodeTenant = (state: TenantState): Uint8Array => {
  const preamble: Preamble = {
    format: FORMAT,
    over: state.over,
    outcomes: state.outcomes,
    trials: state.trials,
    rollbacks: state.rollbacks,
    features: state.current.slopes.length,
    weights: state.current.weights.length,
    memory: state.memory.map(({ truth, seen }) => [truth, seen.feature.length]),
    guard: state.guard.map(({ truth, seen }) => [truth, seen.feature.length]),
  };
  const line = `${JSON.stringify(preamble)}\n`;
  const words = wordsOf(state);
  const bytes = new Uint8Array(line.length + words.reduce((sum, { length }) => sum + 4 * length, 0));
  for (let i = 0; i < line.length; i++) bytes[i] = line.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  let at = line.length;
  for (const list of words)
    for (let i = 0; i < list.length; i++, at += 4)
      if (list instanceof Int32Array) view.setInt32(at, list[i] as number, true);
      else view.setFloat32(at, list[i] as number, true);
  return bytes;
};

const refused = (why: string): AppError => new AppError('BAD_MODEL', 'invalid', `this is no tenant's layer: ${why}; replay its outcomes`);

/** Throws `BAD_MODEL` for other bytes, and for a layer over another model than the one trained on `over`. */
export const decodeTenant = (bytes: Uint8Array, over: string): TenantState => {
  const end = bytes.indexOf(10);
  if (end < 0) throw refused('it has no header');
  let text = '';
  for (let i = 0; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  const preamble = JSON.parse(text) as Preamble;
  if (preamble.format !== FORMAT) throw refused(`its format is not ${FORMAT}`);
  if (preamble.over !== over) throw refused('it was learned over another model');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = end + 1;
  const floats = (length: number): Float32Array => Float32Array.from({ length }, () => view.getFloat32((at += 4) - 4, true));
  const whole = (length: number): Int32Array => Int32Array.from({ length }, () => view.getInt32((at += 4) - 4, true));
  const weights = (): Weights => ({ weights: floats(preamble.weights), slopes: floats(preamble.features) });
  const lesson = ([truth, length]: [number, number]): { seen: Seen; truth: number } => ({
    seen: { feature: whole(length), value: floats(length) },
    truth,
  });
  const [current, safe] = [weights(), weights()];
  const { outcomes, trials, rollbacks } = preamble;
  return { over, outcomes, trials, rollbacks, current, safe, memory: preamble.memory.map(lesson), guard: preamble.guard.map(lesson) };
};
