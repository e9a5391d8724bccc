/** Ed25519 (RFC 8032) over a model's bytes: what was trained here is told from what somebody put in its place. */
import { createPublicKey, sign, verify, type KeyLike } from 'node:crypto';
import { AppError } from '@mandate/kernel';

/** Base64. `key`: an Ed25519 private key, PEM. */
export const signatureOf = (bytes: Uint8Array, key: KeyLike): string => sign(null, bytes, key).toString('base64');

/** Throws `UNSIGNED_MODEL` unless `signature` (base64) is that of `publicKey` (PEM) over the bytes. */
export const verifySignature = (bytes: Uint8Array, signature: string, publicKey: string): void => {
  if (!verify(null, bytes, createPublicKey(publicKey), Buffer.from(signature.trim(), 'base64')))
    throw new AppError(
      'UNSIGNED_MODEL',
      'invalid',
      'the model is not signed with the key it is checked with: put the signed one back, or sign it',
    );
};
