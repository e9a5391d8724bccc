/** All test vectors of transparency-dev: happy paths, and what a verifier must refuse. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { hasher } from '../../spec/node-crypto.js';
import { consistencyFailure, inclusionFailure, subtreeConsistencyFailure, subtreeInclusionFailure, type Proof } from './verify.js';

interface Vector {
  file: string;
  desc: string;
  wantErr: boolean;
  proof: (string | null)[] | null;
  [field: string]: unknown;
}

const vectors = readFileSync(new URL('../../fixtures/merkle.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

const bytes = (value: unknown): Uint8Array => Buffer.from((value as string | null) ?? '', 'base64');
const number = (value: unknown): bigint => BigInt(value as string);

const failureOf = (vector: Vector): string | null => {
  const proof: Proof = vector.proof?.map(bytes) ?? null;
  const { leafIdx, treeSize, size1, size2, start, end, size, root, root1, root2, leafHash } = vector;
  switch (vector.file.split('/')[0]) {
    case 'inclusion':
      return inclusionFailure(
        hasher,
        { index: number(leafIdx), size: number(treeSize), leafHash: bytes(leafHash), root: bytes(root) },
        proof,
      );
    case 'consistency':
      return consistencyFailure(hasher, { oldSize: number(size1), oldRoot: bytes(root1), size: number(size2), root: bytes(root2) }, proof);
    case 'subtreeinclusion': {
      const claim = { index: number(leafIdx), from: number(start), to: number(end), leafHash: bytes(leafHash), subtreeRoot: bytes(root) };
      return subtreeInclusionFailure(hasher, claim, proof);
    }
    default: {
      const claim = { from: number(start), to: number(end), subtreeRoot: bytes(root1), size: number(size), root: bytes(root2) };
      return subtreeConsistencyFailure(hasher, claim, proof);
    }
  }
};

describe('the vectors of transparency-dev/merkle', () => {
  it('are all here', () => {
    const kinds = vectors.map(({ file }) => file.split('/')[0]);
    expect(new Set(kinds)).toEqual(new Set(['consistency', 'inclusion', 'subtreeconsistency', 'subtreeinclusion']));
    expect(vectors.some(({ wantErr }) => !wantErr)).toBe(true);
  });

  it.each(vectors.map((vector) => [vector.file, vector] as const))('%s', (_file, vector) => {
    const failure = failureOf(vector);
    expect({ failure, refused: failure !== null }).toEqual({ failure, refused: vector.wantErr });
  });
});
