/** What a witness is asked (c2sp.org/tlog-witness, add-checkpoint), and how it decides. */
import { fromBase64, fromUtf8, parseDecimal, sameBytes, toBase64, utf8 } from './bytes.js';
import type { TreeHasher } from './merkle/tree-hasher.js';
import { consistencyFailure } from './merkle/verify.js';
import { parseCheckpointText } from './note/checkpoint.js';
import { parseNote, verifyNote } from './note/signed-note.js';
import type { NoteVerifier } from './note/verifier-key.js';

export interface AddCheckpoint {
  oldSize: bigint;
  proof: Uint8Array[];
  /** The signed note. */
  checkpoint: Uint8Array;
}

const MAX_PROOF_LINES = 63;

export const formatAddCheckpoint = ({ oldSize, proof, checkpoint }: AddCheckpoint): string =>
  [`old ${oldSize}`, ...proof.map(toBase64), '', fromUtf8(checkpoint) ?? ''].join('\n');

/** Null when it is no such request. */
export const parseAddCheckpoint = (body: Uint8Array): AddCheckpoint | null => {
  const text = fromUtf8(body);
  const end = text?.indexOf('\n\n') ?? -1;
  if (!text || end < 0) return null;
  const [first = '', ...lines] = text.slice(0, end).split('\n');
  const oldSize = first.startsWith('old ') ? parseDecimal(first.slice('old '.length)) : null;
  const proof = lines.map(fromBase64);
  if (oldSize === null || proof.length > MAX_PROOF_LINES || proof.some((hash) => hash?.length !== 32)) return null;
  return { oldSize, proof: proof as Uint8Array[], checkpoint: utf8(text.slice(end + 2)) };
};

/** What a witness last cosigned of a log. */
export interface Witnessed {
  size: bigint;
  root: Uint8Array;
}

export type WitnessVerdict =
  /** To be kept before the cosignature of `text` leaves. */
  | { status: 200; text: string; origin: string; witnessed: Witnessed }
  /** `body`: of the answer, where the protocol gives it one. */
  | { status: 400 | 403 | 404 | 409 | 422; reason: string; body?: string };

export type KnownLogs = (origin: string) => readonly NoteVerifier[];
export type LastWitnessed = (origin: string) => Witnessed | null;

/** The whole decision; the caller keeps what it decided and signs, one request of a log at a time. */
export const decideAddCheckpoint = (hasher: TreeHasher, body: Uint8Array, known: KnownLogs, last: LastWitnessed): WitnessVerdict => {
  const request = parseAddCheckpoint(body);
  const note = request && parseNote(request.checkpoint);
  const checkpoint = note && parseCheckpointText(note.text);
  if (!request || !note || !checkpoint) return { status: 400, reason: 'no add-checkpoint request' };
  const keys = known(checkpoint.origin);
  if (keys.length === 0) return { status: 404, reason: `no log ${checkpoint.origin} is known here` };
  const signed = verifyNote(note, keys);
  if (!signed.ok) return { status: 403, reason: signed.reason };
  if (request.oldSize > checkpoint.size) return { status: 400, reason: 'the old size is larger than the checkpoint' };
  const { size, root } = last(checkpoint.origin) ?? { size: 0n, root: hasher.empty() };
  if (request.oldSize !== size) return { status: 409, reason: `the last cosigned size is ${size}`, body: `${size}\n` };
  if (size === checkpoint.size && !sameBytes(root, checkpoint.root))
    return { status: 409, reason: `another tree of size ${size} was cosigned`, body: `${size}\n` };
  const failure = growthFailure(hasher, { size, root }, checkpoint, request.proof);
  if (failure) return { status: 422, reason: failure };
  return { status: 200, text: note.text, origin: checkpoint.origin, witnessed: { size: checkpoint.size, root: checkpoint.root } };
};

/** Everything grows from nothing, so from size 0 the proof must be empty, and proves nothing. */
const growthFailure = (hasher: TreeHasher, old: Witnessed, now: Witnessed, proof: Uint8Array[]): string | null => {
  if (old.size === 0n) return proof.length === 0 ? null : 'a proof from size 0 must be empty';
  return consistencyFailure(hasher, { oldSize: old.size, oldRoot: old.root, size: now.size, root: now.root }, proof);
};
