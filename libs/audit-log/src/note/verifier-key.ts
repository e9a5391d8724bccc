/** Public keys as texts (vkeys of c2sp.org/signed-note): `<name>+<key id, 8 hex digits>+<base64 of the type's byte and the key>`. */
import { AppError } from '@mandate/kernel';
import { concat, fromBase64, readUint32, readUint64, toBase64, uint64, utf8 } from '../bytes.js';
import type { Sha256 } from '../merkle/tree-hasher.js';
import { isKeyName } from './key-name.js';
import { mlDsaMessage } from './ml-dsa.js';

/** What signatures are checked with: given, like SHA-256. Keys are raw bytes: 32 of Ed25519, 1,312 of ML-DSA-44. */
export interface LogCrypto {
  sha256: Sha256;
  verify(algorithm: 'ed25519' | 'ml-dsa-44', publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Types of signatures by their assigned bytes. Cosignatures carry a time. */
export const KEY_TYPES = { ed25519: 0x01, cosignature: 0x04, mlDsa44: 0x06 } as const;
export type KeyType = (typeof KEY_TYPES)[keyof typeof KEY_TYPES];

const KEY_BYTES: Readonly<Record<KeyType, number>> = { 0x01: 32, 0x04: 32, 0x06: 1312 };
const TIMESTAMP_BYTES = 8;

export interface VerifierKey {
  name: string;
  keyId: number;
  type: KeyType;
  publicKey: Uint8Array;
}

export interface NoteVerifier extends VerifierKey {
  verify(text: Uint8Array, signature: Uint8Array): boolean;
}

export const keyIdOf = (sha256: Sha256, name: string, type: KeyType, publicKey: Uint8Array): number =>
  readUint32(sha256(concat([utf8(`${name}\n`), Uint8Array.of(type), publicKey])));

export const verifierKey = (sha256: Sha256, name: string, type: KeyType, publicKey: Uint8Array): VerifierKey => ({
  name,
  keyId: keyIdOf(sha256, name, type, publicKey),
  type,
  publicKey,
});

export const formatVerifierKey = ({ name, keyId, type, publicKey }: VerifierKey): string =>
  `${name}+${keyId.toString(16).padStart(8, '0')}+${toBase64(concat([Uint8Array.of(type), publicKey]))}`;

/** Characters of a text that is none, which may be a file of whatever. */
const MAX_SHOWN = 100;

/** Throws AppError `BAD_VERIFIER_KEY`. */
export const parseVerifierKey = (sha256: Sha256, text: string): VerifierKey => {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  const bad = (why: string): AppError => new AppError('BAD_VERIFIER_KEY', 'invalid', `"${shown}" is no verifier key: ${why}`);
  const [, name = '', id = '', key = ''] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/.exec(text.trim()) ?? [];
  const bytes = fromBase64(key);
  if (!isKeyName(name) || !bytes) throw bad('it has the form name+key id+base64 of the key');
  const type = Object.values(KEY_TYPES).find((known) => known === bytes[0]);
  if (type === undefined) throw bad(`it is of type ${bytes[0] ?? 'none'}; known are 1 (Ed25519), 4 (cosignature), 6 (ML-DSA-44)`);
  const publicKey = bytes.slice(1);
  if (publicKey.length !== KEY_BYTES[type]) throw bad(`the key has ${publicKey.length} bytes, not ${KEY_BYTES[type]}`);
  const parsed = verifierKey(sha256, name, type, publicKey);
  if (parsed.keyId !== Number.parseInt(id, 16)) throw bad('its key id is that of another key');
  return parsed;
};

/** The key with what it takes to check by it. */
export const noteVerifier = (crypto: LogCrypto, key: VerifierKey): NoteVerifier => ({
  ...key,
  verify: (text, signature) => {
    if (key.type === KEY_TYPES.ed25519) return crypto.verify('ed25519', key.publicKey, text, signature);
    const stamped = readTimestamped(signature);
    if (stamped === null) return false;
    if (key.type === KEY_TYPES.cosignature)
      return crypto.verify('ed25519', key.publicKey, cosignedMessage(stamped.time, text), stamped.signature);
    const message = mlDsaMessage(key.name, stamped.time, text);
    return message !== null && crypto.verify('ml-dsa-44', key.publicKey, message, stamped.signature);
  },
});

/** Parses and prepares several; throws AppError `BAD_VERIFIER_KEY`. */
export const noteVerifiers = (crypto: LogCrypto, texts: readonly string[]): NoteVerifier[] =>
  texts.map((text) => noteVerifier(crypto, parseVerifierKey(crypto.sha256, text)));

/** What an Ed25519 witness signs (c2sp.org/tlog-cosignature). `time`: seconds since 1970. */
export const cosignedMessage = (time: bigint, text: Uint8Array): Uint8Array => concat([utf8(`cosignature/v1\ntime ${time}\n`), text]);

export const timestamped = (time: bigint, signature: Uint8Array): Uint8Array => concat([uint64(time), signature]);

const MAX_TIME = 2n ** 63n - 1n;

/** Null when there is no time, or one that the specification forbids. */
export const readTimestamped = (signature: Uint8Array): { time: bigint; signature: Uint8Array } | null => {
  if (signature.length <= TIMESTAMP_BYTES) return null;
  const time = readUint64(signature);
  return time > MAX_TIME ? null : { time, signature: signature.slice(TIMESTAMP_BYTES) };
};
