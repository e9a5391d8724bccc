import { parseCheckpointText, type Checkpoint } from '../note/checkpoint.js';
import { parseNote, verifyNote, type Note } from '../note/signed-note.js';
import { KEY_TYPES, readTimestamped, type NoteVerifier } from '../note/verifier-key.js';
import type { Failure } from './failure.js';

/** Whom an auditor believes: the log's keys, and witnesses, of which `quorum` must have signed. */
export interface Trust {
  log: readonly NoteVerifier[];
  witnesses?: readonly NoteVerifier[];
  /** Default: all of them. */
  quorum?: number;
  /** Default: whatever the log's key signed. */
  origin?: string;
}

export interface SignedCheckpoint extends Checkpoint {
  note: Note;
  /** Names of the keys whose signatures were verified; a witness's with the time that it states, in seconds since 1970. */
  signedBy: { name: string; time?: string }[];
}

/** Reads a checkpoint and checks who signed it. `at` names it in a failure. */
export const openCheckpoint = (bytes: Uint8Array, trust: Trust, at = 'checkpoint'): SignedCheckpoint | Failure => {
  const note = parseNote(bytes);
  const checkpoint = note && parseCheckpointText(note.text);
  if (!note || !checkpoint) return { check: 'format', at, reason: 'it is no signed checkpoint' };
  const witnesses = trust.witnesses ?? [];
  const byLog = verifyNote(note, trust.log);
  if (!byLog.ok) return { check: 'signature', at, reason: byLog.reason };
  if (trust.origin !== undefined && trust.origin !== checkpoint.origin)
    return { check: 'signature', at, reason: `it is of the log ${checkpoint.origin}, not of ${trust.origin}` };
  const byWitnesses = witnesses.map((witness) => verifyNote(note, [witness]));
  const seen = byWitnesses.flatMap((verified) => (verified.ok ? verified.by : []));
  const quorum = trust.quorum ?? witnesses.length;
  if (seen.length < quorum)
    return { check: 'witness', at, reason: `${seen.length} of ${witnesses.length} witnesses signed it; ${quorum} are asked for` };
  const signedBy = [...byLog.by, ...seen].map(({ verifier, signature }) => {
    const time = verifier.type === KEY_TYPES.ed25519 ? null : readTimestamped(signature.signature);
    return { name: verifier.name, ...(time ? { time: time.time.toString() } : {}) };
  });
  return { ...checkpoint, note, signedBy };
};

export const isFailure = (value: object): value is Failure => 'check' in value;
