/**
 * What is known of English words. Each token is looked up once; whoever asks about it afterwards looks at a bit, and not at the word again.
 * Filled while modules load, read from then on.
 */

export interface VerbForm {
  base: string;
  form: 'base' | 'past' | 'gerund' | 'third';
}

export interface Known {
  /** Counts up from 1 as words become known; 0: an unknown word. */
  readonly id: number;
  /** The word itself; empty for unknown ones. */
  readonly word: string;
  /** Bits of `Role`. */
  roles: number;
  verb: VerbForm | undefined;
}

/** A set of words: one bit. */
export type Role = number;

const KNOWN = new Map<string, Known>();
/** Of every word not in the lexicon, and of tokens that are no words. */
export const UNKNOWN: Known = { id: 0, word: '', roles: 0, verb: undefined };

export const knownOf = (word: string): Known => KNOWN.get(word) ?? UNKNOWN;

/** The entry of a word, made where there is none yet. */
export const know = (word: string): Known => {
  const entry = KNOWN.get(word) ?? { id: KNOWN.size + 1, word, roles: 0, verb: undefined };
  KNOWN.set(word, entry);
  return entry;
};

/** Numbers of 31 bits are the ones that processors and V8 compare fastest. */
const MOST_ROLES = 31;
let roles = 0;

/** Makes a set of words that tokens can be asked for. */
export const role = (words: readonly string[]): Role => {
  if (roles === MOST_ROLES) throw new RangeError(`more than ${MOST_ROLES} roles of words`);
  const bit = 1 << roles++;
  for (const word of words) know(word).roles |= bit;
  return bit;
};

/** Whether a token's word is in that set; no token, no. */
export const is = (token: { known: Known } | undefined, wanted: Role): boolean => token !== undefined && (token.known.roles & wanted) !== 0;
