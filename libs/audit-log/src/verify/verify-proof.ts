import { inclusionFailure } from '../merkle/verify.js';
import type { TreeHasher } from '../merkle/tree-hasher.js';
import { parseTlogProof } from '../tlog-proof.js';
import type { Failure } from './failure.js';
import { isFailure, openCheckpoint, type SignedCheckpoint, type Trust } from './signed-checkpoint.js';

export interface ProvenEntry {
  checkpoint: SignedCheckpoint;
  index: bigint;
  leafHash: Uint8Array;
  /** Null when only its hash is known. */
  entry: Uint8Array | null;
}

/** What the proof is about, where it does not come along as extra data. */
export interface About {
  entry?: Uint8Array;
  leafHash?: Uint8Array;
}

/** Checks a proof file with nothing but keys. */
export const verifyProof = (hasher: TreeHasher, file: Uint8Array, trust: Trust, about: About = {}): ProvenEntry | Failure => {
  const at = 'proof';
  const proof = parseTlogProof(file);
  if (!proof) return { check: 'format', at, reason: 'it is no tlog-proof file' };
  const checkpoint = openCheckpoint(proof.checkpoint, trust);
  if (isFailure(checkpoint)) return checkpoint;
  const entry = about.entry ?? (about.leafHash ? null : proof.extra);
  const leafHash = about.leafHash ?? (entry && hasher.leaf(entry));
  if (!leafHash) return { check: 'format', at, reason: 'it holds no entry: name the entry or its hash' };
  const failure = inclusionFailure(hasher, { index: proof.index, size: checkpoint.size, leafHash, root: checkpoint.root }, proof.proof);
  if (failure) return { check: 'inclusion', at, position: (proof.index + 1n).toString(), reason: failure };
  return { checkpoint, index: proof.index, leafHash, entry };
};
