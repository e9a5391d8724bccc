/** SHA-256, Ed25519 and ML-DSA-44 of Node, as the tests give them to the library. */
import { createPrivateKey, createPublicKey, hash, sign, verify, type JsonWebKey, type KeyObject } from 'node:crypto';
import { TreeHasher, type LogCrypto, type SigningCrypto } from '../src/index.js';

const ED25519_SEED = Buffer.from('302e020100300506032b657004220420', 'hex');

const privateKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([ED25519_SEED, seed]), format: 'der', type: 'pkcs8' });
const jwk = (algorithm: 'ed25519' | 'ml-dsa-44', bytes: Uint8Array): JsonWebKey =>
  algorithm === 'ed25519'
    ? { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') }
    : { kty: 'AKP', alg: 'ML-DSA-44', pub: Buffer.from(bytes).toString('base64url') };

export const nodeCrypto: LogCrypto & SigningCrypto = {
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
  verify: (algorithm, publicKey, message, signature) =>
    verify(null, message, createPublicKey({ key: jwk(algorithm, publicKey), format: 'jwk' }), signature),
  publicKey: (seed) => Buffer.from(createPublicKey(privateKey(seed)).export({ format: 'jwk' }).x as string, 'base64url'),
  sign: (seed, message) => sign(null, message, privateKey(seed)),
};

export const hasher = new TreeHasher(nodeCrypto.sha256);
