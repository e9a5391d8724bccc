import { describe, expect, it } from '@jest/globals';
import { entriesOf, logSigner, ORIGIN, signerNamed, subproof, testLog } from '../spec/logs.js';
import { hasher, nodeCrypto } from '../spec/node-crypto.js';
import { utf8 } from './bytes.js';
import { noteVerifier } from './note/verifier-key.js';
import { decideAddCheckpoint, formatAddCheckpoint, parseAddCheckpoint, type AddCheckpoint, type Witnessed } from './witness.js';

const known = (origin: string) => (origin === ORIGIN ? [noteVerifier(nodeCrypto, logSigner.key)] : []);
const big = testLog(entriesOf(100));
const small = testLog(entriesOf(70));
const checkpoint = big.files.get('checkpoint')!;
const at70: Witnessed = { size: 70n, root: small.root };
const grow: AddCheckpoint = { oldSize: 70n, proof: subproof(70, big.leaves), checkpoint };
const ask = (request: AddCheckpoint, last: Witnessed | null = at70) =>
  decideAddCheckpoint(hasher, utf8(formatAddCheckpoint(request)), known, () => last);

describe('a witness', () => {
  it('cosigns the first tree it sees, and what grows from it', () => {
    expect(ask({ oldSize: 0n, proof: [], checkpoint }, null)).toMatchObject({ status: 200, origin: ORIGIN, witnessed: { size: 100n } });
    expect(ask(grow)).toMatchObject({ status: 200, witnessed: { size: 100n, root: big.root } });
    expect(ask({ oldSize: 100n, proof: [], checkpoint }, { size: 100n, root: big.root })).toMatchObject({ status: 200 });
  });

  it.each<[number, string, AddCheckpoint, Witnessed | null]>([
    [422, 'a tree that does not grow from the one seen', grow, { size: 70n, root: testLog(entriesOf(71)).root }],
    [422, 'a proof with a hash too many', { ...grow, proof: [...grow.proof, big.root] }, at70],
    [422, 'a proof from nothing', { ...grow, oldSize: 0n }, null],
    [409, 'an old size that is not the last', { ...grow, oldSize: 69n }, at70],
    [409, 'another tree of the same size', { oldSize: 100n, proof: [], checkpoint }, { size: 100n, root: small.root }],
    [400, 'an old size above the new', { ...grow, oldSize: 101n }, at70],
    [
      404,
      'a log that it does not know',
      { ...grow, checkpoint: testLog(entriesOf(3), signerNamed('other')).files.get('checkpoint')! },
      at70,
    ],
    [
      403,
      'a key that it does not trust',
      { ...grow, checkpoint: testLog(entriesOf(100), signerNamed(ORIGIN, 1, 9)).files.get('checkpoint')! },
      at70,
    ],
  ])('answers %i to %s', (status, _what, request, last) =>
    expect(ask(request, last)).toMatchObject({ status, reason: expect.any(String) }),
  );

  it('says which size it has', () => expect(ask({ ...grow, oldSize: 0n, proof: [] })).toMatchObject({ status: 409, body: '70\n' }));

  it.each(['', 'old 70\n', 'old 070\n\nx', 'old 1\nnohash\n\nx', `old 1\n${'A'.repeat(43)}=\n`.repeat(2)])('answers 400 to %j', (body) =>
    expect(decideAddCheckpoint(hasher, utf8(body), known, () => null)).toMatchObject({ status: 400 }),
  );

  it('reads a request as it is written', () => expect(parseAddCheckpoint(utf8(formatAddCheckpoint(grow)))).toEqual(grow));
});
