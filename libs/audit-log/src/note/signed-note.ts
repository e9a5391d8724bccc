/** Signed notes (c2sp.org/signed-note): a text, and lines that sign it. */
import { concat, fromBase64, fromUtf8, readUint32, sameBytes, toBase64, uint32, utf8 } from '../bytes.js';
import { isKeyName } from './key-name.js';
import type { NoteVerifier } from './verifier-key.js';

export interface NoteSignature {
  name: string;
  keyId: number;
  signature: Uint8Array;
}

export interface Note {
  /** With its last newline: exactly what is signed. */
  text: string;
  signatures: NoteSignature[];
}

const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;
const CONTROL = /[\0-\x09\x0b-\x1f]/;
const DASH = '\u2014 ';

/** Null when the bytes are no signed note. Nothing in it is to be believed before `verifyNote`. */
export const parseNote = (bytes: Uint8Array): Note | null => {
  const all = bytes.length > MAX_NOTE_BYTES ? null : fromUtf8(bytes);
  if (all === null || CONTROL.test(all)) return null;
  const split = all.lastIndexOf('\n\n');
  if (split < 0) return null;
  const signatures = parseSignatureLines(all.slice(split + 2));
  return signatures === null || signatures.length === 0 ? null : { text: all.slice(0, split + 1), signatures };
};

/** Lines as they stand below a note, and as a witness answers them. */
export const parseSignatureLines = (text: string): NoteSignature[] | null => {
  if (!text.endsWith('\n')) return null;
  const signatures = text.slice(0, -1).split('\n').map(parseSignatureLine);
  return signatures.length > MAX_SIGNATURES || signatures.includes(null) ? null : (signatures as NoteSignature[]);
};

const parseSignatureLine = (line: string): NoteSignature | null => {
  const [name = '', base64 = '', ...more] = line.startsWith(DASH) ? line.slice(DASH.length).split(' ') : [];
  const bytes = fromBase64(base64);
  if (!isKeyName(name) || more.length > 0 || bytes === null || bytes.length < 5) return null;
  return { name, keyId: readUint32(bytes), signature: bytes.slice(4) };
};

export const formatSignature = ({ name, keyId, signature }: NoteSignature): string =>
  `${DASH}${name} ${toBase64(concat([uint32(keyId), signature]))}\n`;

export const formatNote = ({ text, signatures }: Note): string => `${text}\n${signatures.map(formatSignature).join('')}`;

export interface NoteSigner {
  name: string;
  keyId: number;
  sign(text: Uint8Array): Uint8Array;
}

export const signNote = (text: string, { name, keyId, sign }: NoteSigner): NoteSignature => ({ name, keyId, signature: sign(utf8(text)) });

export type Verified = { ok: true; by: { verifier: NoteVerifier; signature: NoteSignature }[] } | { ok: false; reason: string };

/** Whether trusted keys signed: at least one of them, and none of their signatures is wrong. Others' signatures are ignored. */
export const verifyNote = ({ text, signatures }: Note, trusted: readonly NoteVerifier[]): Verified => {
  const message = utf8(text);
  const by: { verifier: NoteVerifier; signature: NoteSignature }[] = [];
  for (const signature of signatures) {
    const verifier = trusted.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (!verifier || by.some((seen) => seen.verifier === verifier)) continue;
    if (!verifier.verify(message, signature.signature)) return { ok: false, reason: `the signature of ${verifier.name} is wrong` };
    by.push({ verifier, signature });
  }
  if (by.length > 0) return { ok: true, by };
  const names = signatures.map(({ name, keyId }) => `${name} (${keyId.toString(16).padStart(8, '0')})`).join(', ');
  return { ok: false, reason: `no trusted key signed it; it is signed by ${names}` };
};

/** The note with signatures added, each key's once. */
export const withSignatures = (note: Note, added: readonly NoteSignature[]): Note => ({
  text: note.text,
  signatures: [
    ...note.signatures,
    ...added.filter(
      (one) => !note.signatures.some((had) => had.name === one.name && had.keyId === one.keyId && sameBytes(had.signature, one.signature)),
    ),
  ],
});
