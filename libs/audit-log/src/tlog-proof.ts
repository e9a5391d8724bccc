/** Proof files (c2sp.org/tlog-proof): that an entry is in a log, to be verified offline. Ours carry the entry itself as extra data. */
import { fromBase64, fromUtf8, parseDecimal, toBase64, utf8 } from './bytes.js';
import { HASH_BYTES } from './merkle/tree-hasher.js';

export interface TlogProof {
  /** Opaque to the format, and vouched for by nothing but its hash being in the tree. */
  extra: Uint8Array | null;
  /** From 0. */
  index: bigint;
  proof: Uint8Array[];
  /** The signed note, as the log gave it out. */
  checkpoint: Uint8Array;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree of 64-bit size is no higher. */
const MAX_HASHES = 64;

export const formatTlogProof = ({ extra, index, proof, checkpoint }: TlogProof): string =>
  [HEADER, ...(extra ? [`extra ${toBase64(extra)}`] : []), `index ${index}`, ...proof.map(toBase64), '', fromUtf8(checkpoint) ?? ''].join(
    '\n',
  );

/** Null when the bytes are no proof file. */
export const parseTlogProof = (bytes: Uint8Array): TlogProof | null => {
  const text = fromUtf8(bytes);
  const end = text?.indexOf('\n\n') ?? -1;
  if (!text || end < 0) return null;
  const lines = text.slice(0, end).split('\n');
  if (lines.shift() !== HEADER) return null;
  const extra = lines[0]?.startsWith('extra ') ? fromBase64((lines.shift() as string).slice('extra '.length)) : undefined;
  const index = /^index (.*)$/.exec(lines.shift() ?? '')?.[1];
  const proof = lines.map(fromBase64);
  const at = index === undefined ? null : parseDecimal(index);
  if (extra === null || at === null || proof.length > MAX_HASHES || proof.some((hash) => hash?.length !== HASH_BYTES)) return null;
  return { extra: extra ?? null, index: at, proof: proof as Uint8Array[], checkpoint: utf8(text.slice(end + 2)) };
};
