import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeModel, recogniser, type Recogniser, type RecogniserModel } from '@mandate/recognition';
import { verifySignature } from './signature.js';

/** Paths of a model, its signature (base64) and the public key (PEM) it is checked with. */
export interface SignedModel {
  model: string;
  signature: string;
  publicKey: string;
}

const shippedFile = (name: string): string => fileURLToPath(new URL(`../model/${name}`, import.meta.url));

/** Where the shipped files lie. */
export const SHIPPED: SignedModel = {
  model: shippedFile('recogniser.bin'),
  signature: shippedFile('recogniser.sig'),
  publicKey: shippedFile('recogniser.pub'),
};

/** Throws `UNSIGNED_MODEL` or `BAD_MODEL`, and Node's own error where a file is missing. */
export const loadModel = (files: SignedModel): RecogniserModel => {
  const bytes = readFileSync(files.model);
  verifySignature(bytes, readFileSync(files.signature, 'utf8'), createPublicKey(readFileSync(files.publicKey, 'utf8')));
  return decodeModel(bytes);
};

let model: RecogniserModel | undefined;

/** The shipped model; read at the first call. */
export const shippedModel = (): RecogniserModel => (model ??= loadModel(SHIPPED));

let digest: string | undefined;

/** SHA-256 of the shipped model's bytes. */
export const shippedDigest = (): string => (digest ??= createHash('sha256').update(readFileSync(SHIPPED.model)).digest('hex'));

let shipped: Recogniser | undefined;

/** Recognises with the shipped model. */
export const shippedRecogniser = (): Recogniser => (shipped ??= recogniser(shippedModel()));
