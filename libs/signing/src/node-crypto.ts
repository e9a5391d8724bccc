/** SHA-256 and signatures of Node, in the form in which the pure libraries want them given. Keys are raw bytes. */
import { createPrivateKey, createPublicKey, hash, sign, verify, type JsonWebKey, type KeyObject } from 'node:crypto';

export type SignatureAlgorithm = 'ed25519' | 'ml-dsa-44';

/** What PKCS #8 writes before the 32 bytes of an Ed25519 seed (RFC 8410). */
const SEED_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');

const privateKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([SEED_HEADER, seed]), format: 'der', type: 'pkcs8' });

const jwk = (algorithm: SignatureAlgorithm, key: Uint8Array): JsonWebKey => {
  const bytes = Buffer.from(key).toString('base64url');
  return algorithm === 'ed25519' ? { kty: 'OKP', crv: 'Ed25519', x: bytes } : { kty: 'AKP', alg: 'ML-DSA-44', pub: bytes };
};

export const nodeCrypto = {
  sha256: (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer'),

  /** False also for bytes that are no key. */
  verify: (algorithm: SignatureAlgorithm, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
    try {
      return verify(null, message, createPublicKey({ key: jwk(algorithm, publicKey), format: 'jwk' }), signature);
    } catch {
      return false;
    }
  },

  /** Ed25519. */
  publicKey: (seed: Uint8Array): Uint8Array =>
    Buffer.from(createPublicKey(privateKey(seed)).export({ format: 'jwk' }).x ?? '', 'base64url'),

  sign: (seed: Uint8Array, message: Uint8Array): Uint8Array => sign(null, message, privateKey(seed)),
};
