/** A model that an operator trained, in the place of the shipped one. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError } from '@mandate/kernel';
import { decodeModel, type RecogniserModel } from '@mandate/recognition';
import { keyOfVkey, verifySignature } from './signature.js';

/** A model and the SHA-256 of its bytes, by which decisions name it. */
export interface NamedModel {
  model: RecogniserModel;
  digest: string;
}

/** Where an operator's model lies, and the key it is checked with: not read from beside it, where whoever changes the one changes the other. */
export interface OwnModel {
  file: string;
  vkey: string;
}

const readOr = (file: string, what: string): Buffer => {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new AppError('BAD_MODEL', 'invalid', `${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** Its signature lies beside it: `recogniser.sig` for `recogniser.bin`. Throws `BAD_MODEL`, `UNSIGNED_MODEL` or, for the key, `CONFIG_INVALID`. */
export const loadOwn = ({ file, vkey }: OwnModel): NamedModel => {
  const key = keyOfVkey(vkey);
  const bytes = readOr(file, "the recogniser's model");
  const signature = readOr(`${file.replace(/\.bin$/u, '')}.sig`, "the signature of the recogniser's model").toString('utf8');
  verifySignature(bytes, signature, key);
  return { model: decodeModel(bytes), digest: createHash('sha256').update(bytes).digest('hex') };
};
