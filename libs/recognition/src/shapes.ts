/**
 * A text without its matter: words of grammar stand for themselves, verbs for their form, every run of other words for one. What is left is how the
 * text is built, whatever it is about.
 */
import { BUCKETS, hashText, longRunsOf, type Sparse } from './features.js';
import { carriesStructure } from './lexicon.js';
import type { Token } from './tokens.js';

const VERBS = { base: hashText('<base>'), past: hashText('<past>'), gerund: hashText('<gerund>'), third: hashText('<third>') };
const NAMED = hashText('<named>');
const MANY = hashText('<things>');
const ONE = hashText('<thing>');

const shapeOf = ({ kind, text, capital, known }: Token, hash: number): number => {
  if (kind !== 'word') return hash;
  if (known.verb) return VERBS[known.verb.form];
  if (carriesStructure(known)) return hash;
  if (capital) return NAMED;
  return text.endsWith('s') ? MANY : ONE;
};

/** Hashes of the shapes, in the order of the text. `hashes`: of the tokens. */
const shapesOf = (tokens: readonly Token[], hashes: Uint32Array): Uint32Array => {
  const shapes = new Uint32Array(tokens.length);
  let used = 0;
  for (let at = 0; at < tokens.length; at++) {
    const shape = shapeOf(tokens[at] as Token, hashes[at] as number);
    const again = used > 0 && shapes[used - 1] === shape && (shape === ONE || shape === NAMED);
    if (!again) shapes[used++] = shape;
  }
  return shapes.subarray(0, used);
};

/** Words have the lower half of the buckets, shapes the upper: each a bit less than by themselves. */
const HALF = BUCKETS / 2;
/** How much either may say: less than words may where every author was read. */
const SHARE = 0.6;

/** Runs of words (`words`) and, behind them, runs of shapes, each as often as it occurs. */
export const shapedOf = (words: Sparse, tokens: readonly Token[], hashes: Uint32Array): Sparse => {
  const runs = longRunsOf(shapesOf(tokens, hashes));
  const used = words.index.length;
  const index = new Int32Array(used + runs.length);
  const value = new Float64Array(used + runs.length).fill(SHARE / Math.sqrt(runs.length), used);
  for (let i = 0; i < used; i++) {
    index[i] = (words.index[i] as number) >> 1;
    value[i] = SHARE * (words.value[i] as number);
  }
  for (let i = 0; i < runs.length; i++) index[used + i] = HALF + ((runs[i] as number) >> 1);
  return { index, value };
};
