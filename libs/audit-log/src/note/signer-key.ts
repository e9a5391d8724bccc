/** Private keys as Go's `note` package writes them: `PRIVATE+KEY+<name>+<key id>+<base64 of the type's byte and the seed>`. One line of a file. */
import { AppError } from '@mandate/kernel';
import { concat, fromBase64, toBase64, utf8 } from '../bytes.js';
import type { Sha256 } from '../merkle/tree-hasher.js';
import { isKeyName } from './key-name.js';
import { formatSignature, type NoteSignature } from './signed-note.js';
import { cosignedMessage, KEY_TYPES, timestamped, verifierKey, type VerifierKey } from './verifier-key.js';

/** Ed25519 of the runtime. A seed is 32 random bytes. */
export interface SigningCrypto {
  sha256: Sha256;
  publicKey(seed: Uint8Array): Uint8Array;
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
}

export type SignerType = typeof KEY_TYPES.ed25519 | typeof KEY_TYPES.cosignature;

const SEED_BYTES = 32;

export const formatSignerKey = (crypto: SigningCrypto, name: string, type: SignerType, seed: Uint8Array): string => {
  const { keyId } = verifierKey(crypto.sha256, name, type, crypto.publicKey(seed));
  return `PRIVATE+KEY+${name}+${keyId.toString(16).padStart(8, '0')}+${toBase64(concat([Uint8Array.of(type), seed]))}`;
};

export interface Signer {
  key: VerifierKey;
  /** `time`, in seconds since 1970, stands in a cosignature and nowhere else. */
  sign(text: string, time?: bigint): NoteSignature;
}

/** Throws AppError `BAD_SIGNER_KEY`, which never says what was read. */
export const parseSignerKey = (crypto: SigningCrypto, text: string): Signer => {
  const bad = (): AppError =>
    new AppError('BAD_SIGNER_KEY', 'invalid', 'the file holds no signing key of the form PRIVATE+KEY+name+id+key');
  const [, name = '', id = '', base64 = ''] = /^PRIVATE\+KEY\+([^+]*)\+([0-9a-f]{8})\+(\S*)$/.exec(text.trim()) ?? [];
  const bytes = fromBase64(base64);
  const type = bytes?.[0];
  if (!isKeyName(name) || bytes?.length !== SEED_BYTES + 1 || (type !== KEY_TYPES.ed25519 && type !== KEY_TYPES.cosignature)) throw bad();
  const seed = bytes.slice(1);
  const key = verifierKey(crypto.sha256, name, type, crypto.publicKey(seed));
  if (key.keyId !== Number.parseInt(id, 16)) throw bad();
  return { key, sign: (note, time = 0n) => ({ name, keyId: key.keyId, signature: signatureOf(crypto, type, seed, utf8(note), time) }) };
};

const signatureOf = (crypto: SigningCrypto, type: SignerType, seed: Uint8Array, text: Uint8Array, time: bigint): Uint8Array =>
  type === KEY_TYPES.ed25519 ? crypto.sign(seed, text) : timestamped(time, crypto.sign(seed, cosignedMessage(time, text)));

/** A note with its first signature. */
export const signedText = (signer: Signer, text: string, time?: bigint): string => `${text}\n${formatSignature(signer.sign(text, time))}`;
