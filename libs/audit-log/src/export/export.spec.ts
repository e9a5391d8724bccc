import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hasher, nodeCrypto } from '../../spec/node-crypto.js';
import { entriesOf, logSigner, testLog, treeHash } from '../../spec/logs.js';
import {
  CompactRange,
  coverOf,
  ExportDigest,
  exportText,
  ExportVerifier,
  formatProofEnd,
  formatProofEntry,
  formatProofHead,
  formatSignature,
  fromUtf8,
  isFailure,
  noteVerifier,
  parseProofLine,
  toHex,
  type ExportedWhat,
  type Failure,
  type ProofEnd,
  type ProofEntry,
} from '../index.js';

const SIZE = 300;
const AT = '2026-11-25T12:00:00.000Z';
const trust = { log: [noteVerifier(nodeCrypto, logSigner.key)] };
const log = testLog(entriesOf(SIZE));
const checkpoint = fromUtf8(log.read('checkpoint') as Uint8Array) as string;
const what = (more: Partial<ExportedWhat> = {}): ExportedWhat => ({
  tenant: 'default',
  format: 'jsonl',
  filter: {},
  after: 0,
  size: SIZE,
  ...more,
});

const gapTo = (from: number, to: number): Uint8Array[] =>
  coverOf({ from: BigInt(from), to: BigInt(to) }).map((range) => treeHash(log.leaves.slice(Number(range.from), Number(range.to))));

/** As the service writes it. */
const proofOf = (positions: readonly number[], of = what()): { head: string; entries: ProofEntry[]; end: ProofEnd } => {
  const digest = new ExportDigest(nodeCrypto.sha256);
  let at = 0;
  const entries = positions.map((position) => {
    const leaf = log.leaves[position - 1] as Uint8Array;
    const gap = gapTo(at, position - 1);
    at = position;
    digest.add(BigInt(position), leaf, AT);
    return { position: BigInt(position), leaf, gap };
  });
  const signature = formatSignature(logSigner.sign(exportText(nodeCrypto.sha256, of, digest)));
  return { head: formatProofHead({ what: of, checkpoint }), entries, end: { events: positions.length, gap: gapTo(at, SIZE), signature } };
};

const opened = (head: string): ExportVerifier => {
  const verifier = ExportVerifier.open(nodeCrypto.sha256, hasher, trust, head);
  if (isFailure(verifier)) throw new Error(verifier.reason);
  return verifier;
};

const verify = ({ head, entries, end }: ReturnType<typeof proofOf>, leaves = entries.map(({ leaf }) => leaf), at = AT): Failure | null => {
  const verifier = opened(head);
  for (const [i, entry] of entries.entries()) {
    const failure = verifier.add(entry, { leaf: leaves[i] as Uint8Array, recordedAt: at });
    if (failure) return failure;
  }
  return verifier.end(end);
};

describe('subtrees between two leaves', () => {
  it('are perfect ones that cover them, and lead to the root of RFC 6962', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: SIZE }), { maxLength: 12 }), fc.integer({ min: 1, max: SIZE }), (cuts, size) => {
        const ends = [...cuts.filter((cut) => cut < size).sort((a, b) => a - b), size];
        const tree = new CompactRange(hasher);
        let from = 0;
        for (const to of ends) {
          for (const range of coverOf({ from: BigInt(from), to: BigInt(to) }))
            tree.append(range, treeHash(log.leaves.slice(Number(range.from), Number(range.to))));
          from = to;
        }
        expect(toHex(tree.root())).toBe(toHex(treeHash(log.leaves.slice(0, size))));
      }),
    ));
});

describe('an export with its proof', () => {
  it('verifies, whichever events it has', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: SIZE }), { maxLength: 20 }), (some) =>
        expect(verify(proofOf(some.sort((a, b) => a - b)))).toBeNull(),
      ),
    ));

  it('is known to be complete when the positions follow each other to the end', () => {
    const all = Array.from({ length: SIZE }, (_, i) => i + 1);
    for (const [positions, after, complete] of [
      [all, 0, true],
      [all.slice(100), 100, true],
      [all.slice(1), 0, false],
      [all.filter((at) => at !== 7), 0, false],
    ] as const) {
      const { head, entries } = proofOf(positions, what({ after }));
      const verifier = opened(head);
      for (const entry of entries) verifier.add(entry, { leaf: entry.leaf, recordedAt: AT });
      expect(verifier.complete).toBe(complete);
    }
  });

  const proof = proofOf([3, 4, 77, 256, 290]);
  const without = (i: number): ProofEntry[] => proof.entries.filter((_, at) => at !== i);
  const other = log.leaves[9] as Uint8Array;
  it.each<[string, () => Failure | null, string]>([
    ['another record in the export', () => verify(proof, [...proof.entries.slice(1).map(({ leaf }) => leaf), other]), 'entry'],
    [
      'another record in both files',
      () => verify({ ...proof, entries: proof.entries.map((entry, i) => (i === 2 ? { ...entry, leaf: other } : entry)) }),
      'inclusion',
    ],
    ['a line left out of both', () => verify({ ...proof, entries: without(2) }), 'inclusion'],
    ['the last line left out of both', () => verify({ ...proof, entries: without(4) }), 'inclusion'],
    ['two lines swapped', () => verify({ ...proof, entries: [1, 0, 2, 3, 4].map((i) => proof.entries[i] as ProofEntry) }), 'inclusion'],
    ['a line twice', () => verify({ ...proof, entries: [0, 0, 1, 2, 3, 4].map((i) => proof.entries[i] as ProofEntry) }), 'format'],
    ['another time of recording', () => verify(proof, undefined, '2026-11-25T12:00:01.000Z'), 'signature'],
    [
      'an export of less, proved anew by whoever left it out',
      () => verify({ ...proofOf([3, 77, 256, 290]), end: { ...proofOf([3, 77, 256, 290]).end, signature: proof.end.signature } }),
      'signature',
    ],
    [
      'another filter',
      () => verify({ ...proof, head: formatProofHead({ what: what({ filter: { actor: 'ann' } }), checkpoint }) }),
      'signature',
    ],
    ['a number of events that is not theirs', () => verify({ ...proof, end: { ...proof.end, events: 4 } }), 'presence'],
  ])('is caught with %s', (_what, check, name) => expect(check()?.check).toBe(name));

  it.each([
    ['no proof', '{}\n', 'format'],
    [
      'a checkpoint of another key',
      formatProofHead({ what: what(), checkpoint: checkpoint.replace(/ [A-Za-z0-9+/=]+\n$/, ' AAAAAAAA\n') }),
      'signature',
    ],
    ['a checkpoint before its end', formatProofHead({ what: what({ size: SIZE + 1 }), checkpoint }), 'consistency'],
  ])('is not opened by %s', (_what, head, name) =>
    expect(ExportVerifier.open(nodeCrypto.sha256, hasher, trust, head)).toMatchObject({ check: name }),
  );
});

describe('lines of a proof', () => {
  const { entries, end } = proofOf([5]);
  const entry = { ...(entries[0] as ProofEntry), stored: { record: '{"a":",\\"record\\":"}', recordedAt: AT } };
  const read = (line: string): unknown =>
    JSON.parse(
      JSON.stringify(parseProofLine(line.trimEnd()), (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    );
  it('read as they were written, the record to the byte', () => {
    expect(parseProofLine(formatProofEntry(entry).trimEnd())).toMatchObject({ position: 5n, stored: entry.stored });
    expect(parseProofLine(formatProofEnd(end).trimEnd())).toMatchObject({ events: 1, signature: end.signature });
  });
  it.each([
    '',
    '[]',
    '{"position":0,"leaf":"","gap":[]}',
    '{"position":1,"leaf":"AA==","gap":[]}',
    '{"events":1,"gap":["x"],"signature":""}',
  ])('are none: %s', (line) => expect(read(line)).toBeNull());
});
