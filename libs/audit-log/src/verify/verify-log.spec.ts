import { describe, expect, it } from '@jest/globals';
import { entriesOf, logSigner, ORIGIN, signerNamed, testLog, type TestLog } from '../../spec/logs.js';
import { hasher, nodeCrypto } from '../../spec/node-crypto.js';
import { utf8 } from '../bytes.js';
import { inclusionRanges } from '../merkle/ranges.js';
import { prove } from '../merkle/prove.js';
import { formatCheckpoint } from '../note/checkpoint.js';
import { signedText } from '../note/signer-key.js';
import { noteVerifier } from '../note/verifier-key.js';
import { formatBundle, parseBundle } from '../tiles/bundle.js';
import { formatTlogProof, parseTlogProof } from '../tlog-proof.js';
import type { Failure } from './failure.js';
import { verifyLog, type LogOptions, type LogReport } from './verify-log.js';
import { verifyProof } from './verify-proof.js';

const trust = { log: [noteVerifier(nodeCrypto, logSigner.key)] };
const check = ({ read }: TestLog, options?: LogOptions): LogReport => verifyLog(hasher, read, trust, options);

/** A change of a file, and what the verifier says then. */
const changed = (log: TestLog, file: string, change: (bytes: Uint8Array) => Uint8Array | null, options?: LogOptions): Failure[] => {
  const files = new Map(log.files);
  const next = change(Buffer.from(files.get(file)!));
  if (next) files.set(file, next);
  else files.delete(file);
  return verifyLog(hasher, (path) => files.get(path) ?? null, trust, options).failures;
};
const flip =
  (at: number) =>
  (bytes: Uint8Array): Uint8Array => {
    bytes[at]! ^= 1;
    return bytes;
  };

describe('an intact log', () => {
  it.each([0, 1, 255, 256, 257, 511, 512, 700, 65_536, 66_000])('of %i entries verifies', (count) => {
    const report = check(testLog(entriesOf(count)));
    expect(report).toMatchObject({ entries: BigInt(count), failures: [], checkpoint: { origin: ORIGIN, size: BigInt(count) } });
  });

  it('may hold entries that no bundle can, as records', () => {
    const entries = entriesOf(600).map((entry, i) => (i === 300 ? Buffer.alloc(70_000, 1) : entry));
    const log = testLog(entries);
    expect([...log.files.keys()]).toContain('tile/records/001');
    expect(check(log)).toMatchObject({ entries: 600n, failures: [] });
  });

  it('may have full files where the checkpoint needs partial ones', () => {
    const log = testLog(entriesOf(600));
    const small = testLog(entriesOf(300));
    log.files.set('checkpoint', small.files.get('checkpoint')!);
    expect(check(log)).toMatchObject({ entries: 300n, failures: [{ check: 'presence', at: 'tile/1/000.p/1' }] });
    log.files.set('tile/1/000.p/1', small.files.get('tile/1/000.p/1')!);
    expect(check(log)).toMatchObject({ entries: 300n, failures: [] });
  });

  it('may be pruned below a minimum', () => {
    const log = testLog(entriesOf(600));
    log.files.delete('tile/entries/000');
    expect(check(log, { minimumIndex: 256n })).toMatchObject({ entries: 344n, failures: [] });
    expect(check(log, { minimumIndex: 255n }).failures).toMatchObject([{ check: 'presence', at: 'tile/entries/000' }]);
  });
});

describe('a changed log', () => {
  const log = testLog(entriesOf(66_000));

  it('names the entry of which a byte changed', () =>
    expect(changed(log, 'tile/entries/001', flip(104))).toEqual([
      { check: 'entry', at: 'tile/entries/001, entry 9', position: '266', reason: expect.any(String) },
    ]));

  it('names two entries that were swapped', () => {
    const swap = (bytes: Uint8Array): Uint8Array => {
      const { entries } = parseBundle(bytes);
      [entries[3], entries[200]] = [entries[200]!, entries[3]!];
      return formatBundle(entries)!;
    };
    expect(changed(log, 'tile/entries/000', swap).map(({ check: name, position }) => [name, position])).toEqual([
      ['entry', '4'],
      ['entry', '201'],
    ]);
  });

  it('names the leaf whose hash changed, and the tile above', () =>
    expect(changed(log, 'tile/0/002', flip(32 * 5)).map(({ check: name, position }) => [name, position])).toEqual([
      ['entry', String(512 + 6)],
      ['tile', '513'],
      ['tile', '1'],
      ['root', undefined],
    ]));

  it('names a tile that does not follow from those below', () =>
    expect(changed(log, 'tile/1/000', flip(32 * 7 + 3))).toMatchObject([
      { check: 'tile', at: 'tile/1/000, hash 7', position: String(7 * 256 + 1) },
    ]));

  it('names what is not there', () => {
    expect(changed(log, 'tile/1/000', () => null)).toMatchObject([{ check: 'presence', at: 'tile/1/000' }]);
    expect(changed(log, 'tile/entries/017', () => null)).toMatchObject([{ check: 'presence', at: 'tile/entries/017', position: '4353' }]);
    expect(changed(log, 'checkpoint', () => null)).toMatchObject([{ check: 'presence', at: 'checkpoint' }]);
  });

  it('names a bundle that was cut, and one with more', () => {
    expect(changed(log, 'tile/entries/001', (bytes) => bytes.slice(0, 1000))).toMatchObject([{ check: 'entry', at: 'tile/entries/001' }]);
    expect(changed(log, 'tile/entries/001', (bytes) => Buffer.concat([bytes, Buffer.of(0)]))).toMatchObject([
      { check: 'entry', reason: expect.stringMatching('256 entries and 1 bytes') },
    ]);
    expect(changed(log, 'tile/0/001', (bytes) => bytes.slice(32))).toMatchObject([{ check: 'tile', at: 'tile/0/001' }]);
  });

  it('is another than the one that was signed', () => {
    const other = utf8(signedText(logSigner, formatCheckpoint({ origin: ORIGIN, size: 66_000n, root: Buffer.alloc(32) })));
    expect(changed(log, 'checkpoint', () => other)).toMatchObject([{ check: 'root' }]);
  });

  it('is signed by a key that nobody trusts, or not at all', () => {
    const bySomebody = utf8(signedText(signerNamed(ORIGIN, 1, 8), formatCheckpoint({ origin: ORIGIN, size: 66_000n, root: log.root })));
    expect(changed(log, 'checkpoint', () => bySomebody)).toMatchObject([
      { check: 'signature', reason: expect.stringMatching('no trusted key') },
    ]);
    expect(changed(log, 'checkpoint', flip(20))).toMatchObject([{ check: 'signature', reason: expect.stringMatching('wrong') }]);
    expect(changed(log, 'checkpoint', (bytes) => bytes.slice(0, 40))).toMatchObject([{ check: 'format' }]);
  });

  it('cannot be checked behind a leaf that nobody knows', () => {
    const files = new Map(log.files);
    files.delete('tile/0/003');
    files.delete('tile/entries/003');
    const { failures } = verifyLog(hasher, (path) => files.get(path) ?? null, trust);
    expect(failures.map(({ at }) => at)).toEqual(['tile/0/003', 'tile/entries/003']);
  });
});

describe('a proof file', () => {
  const log = testLog(entriesOf(300));
  const proofOf = (index: number, extra: Uint8Array | null = utf8(`entry ${index}`)): Uint8Array => {
    const proof = prove(
      hasher,
      inclusionRanges(BigInt(index), 300n),
      ({ level, index: at }) => log.files.get(`tile/${level}/00${at}`) ?? log.files.get(`tile/${level}/00${at}.p/${level === 0 ? 44 : 1}`)!,
    );
    return utf8(formatTlogProof({ extra, index: BigInt(index), proof, checkpoint: log.files.get('checkpoint')! }));
  };

  it.each([0, 255, 256, 299])('of entry %i verifies, with nothing but a key', (index) =>
    expect(verifyProof(hasher, proofOf(index), trust)).toMatchObject({ index: BigInt(index), entry: utf8(`entry ${index}`) }),
  );

  it('is read as it is written', () => {
    const file = proofOf(17);
    expect(utf8(formatTlogProof(parseTlogProof(file)!))).toEqual(file);
  });

  it('without its entry needs to be told of which', () => {
    const file = proofOf(17, null);
    expect(verifyProof(hasher, file, trust)).toMatchObject({ check: 'format' });
    expect(verifyProof(hasher, file, trust, { entry: utf8('entry 17') })).toMatchObject({ index: 17n });
    expect(verifyProof(hasher, file, trust, { leafHash: log.leaves[17]! })).toMatchObject({ index: 17n, entry: null });
    expect(verifyProof(hasher, file, trust, { entry: utf8('entry 18') })).toMatchObject({ check: 'inclusion', position: '18' });
  });

  it('does not hold for another entry, place or tree', () => {
    expect(verifyProof(hasher, proofOf(17, utf8('entry 18')), trust)).toMatchObject({ check: 'inclusion' });
    const text = Buffer.from(proofOf(17)).toString();
    expect(verifyProof(hasher, utf8(text.replace('index 17', 'index 18')), trust)).toMatchObject({ check: 'inclusion' });
    expect(verifyProof(hasher, utf8(text.replace('\n300\n', '\n301\n')), trust)).toMatchObject({ check: 'signature' });
    expect(verifyProof(hasher, utf8(text.replace('v1', 'v2')), trust)).toMatchObject({ check: 'format' });
  });
});
