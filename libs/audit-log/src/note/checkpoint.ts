/** Checkpoints (c2sp.org/tlog-checkpoint): the note text that names a tree. */
import { fromBase64, parseDecimal, toBase64 } from '../bytes.js';
import { HASH_BYTES } from '../merkle/tree-hasher.js';

export interface Checkpoint {
  /** Which log; the same for as long as it exists. */
  origin: string;
  size: bigint;
  root: Uint8Array;
  /** Opaque lines, usually none. */
  extensions: string[];
}

export const formatCheckpoint = ({ origin, size, root }: Pick<Checkpoint, 'origin' | 'size' | 'root'>): string =>
  `${origin}\n${size}\n${toBase64(root)}\n`;

/** Null when the text of a note is no checkpoint. */
export const parseCheckpointText = (text: string): Checkpoint | null => {
  if (!text.endsWith('\n')) return null;
  const [origin = '', sizeLine = '', rootLine = '', ...extensions] = text.slice(0, -1).split('\n');
  const size = parseDecimal(sizeLine);
  const root = fromBase64(rootLine);
  if (origin === '' || size === null || root?.length !== HASH_BYTES || extensions.includes('')) return null;
  return { origin, size, root, extensions };
};
