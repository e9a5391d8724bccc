/** Ed25519 (RFC 8032) over a model's bytes: what was trained here is told from what somebody put in its place. */
import { createPublicKey, sign, verify, type KeyLike, type KeyObject } from 'node:crypto';
import { AppError } from '@mandate/kernel';

/** Base64. `key`: an Ed25519 private key, PEM. */
export const signatureOf = (bytes: Uint8Array, key: KeyLike): string => sign(null, bytes, key).toString('base64');

/** The public key of `key` as one word: base64 of its SubjectPublicKeyInfo, as it stands in a PEM file. */
export const vkeyOf = (key: KeyLike): string => createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64');

/** Throws `CONFIG_INVALID` for a word that is no Ed25519 public key. */
export const keyOfVkey = (vkey: string): KeyObject => {
  try {
    const key = createPublicKey({ key: Buffer.from(vkey, 'base64'), type: 'spki', format: 'der' });
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below, as for other kinds of keys.
  }
  throw new AppError(
    'CONFIG_INVALID',
    'invalid',
    'a recogniser is checked with an Ed25519 public key: the base64 of its recogniser.pub, in one word',
  );
};

/** Throws `UNSIGNED_MODEL` unless `signature` (base64) is that of `publicKey` over the bytes. */
export const verifySignature = (bytes: Uint8Array, signature: string, publicKey: KeyObject): void => {
  if (!verify(null, bytes, publicKey, Buffer.from(signature.trim(), 'base64')))
    throw new AppError(
      'UNSIGNED_MODEL',
      'invalid',
      'the model is not signed with the key it is checked with: put the signed one back, or sign it',
    );
};
