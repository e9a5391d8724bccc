import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { vkey, writeLogFolder } from '../../spec/log-folder.js';
import { run } from '../run.js';

let folder: string;
let proof: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-log-'));
  ({ proof } = writeLogFolder(folder, 700));
});
afterAll(() => rmSync(folder, { recursive: true }));

const verify = async (...args: string[]): Promise<{ status: number; out: string; err: string; json: Record<string, unknown> }> => {
  const ran = { out: '', err: '' };
  const streams = { stdout: { write: (text: string) => (ran.out += text) }, stderr: { write: (text: string) => (ran.err += text) } };
  const status = await run({ args: ['audit', 'verify', ...args], streams, env: {}, cwd: folder });
  return { status, ...ran, json: ran.out.startsWith('{') ? (JSON.parse(ran.out) as Record<string, unknown>) : {} };
};

/** Changes one byte of a file for as long as `work` runs. */
const withByteChanged = async <T>(file: string, at: number, work: () => Promise<T>): Promise<T> => {
  const path = join(folder, file);
  const before = readFileSync(path);
  const changed = Buffer.from(before);
  changed[at]! ^= 1;
  writeFileSync(path, changed);
  try {
    return await work();
  } finally {
    writeFileSync(path, before);
  }
};

describe('mandate audit verify --log', () => {
  it('finds an intact log intact, with 0', async () => {
    const { status, json } = await verify('--log', '.', '--vkey', vkey, '--json');
    expect(status).toBe(0);
    expect(json).toMatchObject({
      verified: 'log',
      intact: true,
      origin: 'log.example',
      size: '700',
      entries: '700',
      tiles: '4',
      failures: [],
    });
  });

  it('says which check failed, and where, with 1', async () => {
    const { status, json } = await withByteChanged('tile/entries/001', 105, () => verify('--log', '.', '--vkey', vkey, '--json'));
    expect(status).toBe(1);
    expect(json).toMatchObject({ intact: false, failures: [{ check: 'entry', at: 'tile/entries/001, entry 9', position: '266' }] });
    const { out } = await withByteChanged('tile/1/000.p/2', 40, () => verify('--log', '.', '--vkey', vkey));
    expect(out).toMatch(/not intact\n {2}tile {2}tile\/1\/000\.p\/2, hash 1, position 257/);
    expect((await withByteChanged('checkpoint', 3, () => verify('--log', '.', '--vkey', vkey))).status).toBe(1);
  });

  it('takes keys from a file, one a line', async () => {
    writeFileSync(join(folder, 'keys'), `${vkey}\r\n\n`);
    expect((await verify('--log', '.', '--vkey', 'keys')).status).toBe(0);
  });

  it.each([
    ['of nothing', '', 'empty.vkey holds no key'],
    ['of blank lines', '\n \n', 'empty.vkey holds no key'],
    ['of zeros', '\0'.repeat(100), 'is no verifier key'],
  ])('takes a file %s for wrong use, with 2', async (_what, content, reason) => {
    writeFileSync(join(folder, 'empty.vkey'), content);
    const { status, err } = await verify('--log', '.', '--vkey', 'empty.vkey');
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(reason) });
  });

  it('says of a key that is none that no file has its name either', async () => {
    const { status, err } = await verify('--log', '.', '--vkey', 'nothing.vkey');
    expect({ status, err }).toEqual({ status: 2, err: expect.stringMatching(/no verifier key[^]*no file of that name/) });
  });
});

describe('mandate audit verify --proof', () => {
  it('finds a proof right, with 0, and shows what it proves', async () => {
    const { status, json } = await verify('--proof', proof, '--vkey', vkey, '--json');
    expect(status).toBe(0);
    expect(json).toMatchObject({ verified: 'proof', intact: true, position: '700', size: '700', signedBy: [{ name: 'log.example' }] });
  });

  it('finds it wrong, with 1', async () => {
    const { status, json } = await withByteChanged('last.tlog-proof', 35, () => verify('--proof', proof, '--vkey', vkey, '--json'));
    expect({ status, json }).toMatchObject({ status: 1, json: { failures: [{ check: 'inclusion', position: '700' }] } });
    expect((await verify('--proof', proof, '--vkey', vkey, '--leaf-hash', '00'.repeat(32))).status).toBe(1);
    expect((await verify('--proof', proof, '--vkey', vkey, '--witness', vkey.replace('log.example', 'w'))).status).toBe(2);
  });
});

describe('mandate audit verify --database', () => {
  it('looks where the database of this state directory says that it listens', async () => {
    mkdirSync(join(folder, '.mandate/postgres'), { recursive: true });
    writeFileSync(join(folder, '.mandate/postgres.password'), 'secret');
    writeFileSync(join(folder, '.mandate/postgres/postmaster.pid'), '4711\n/x\n1795972206\n1\n/tmp\n127.0.0.1\n');
    const { status, err } = await verify('--database');
    expect(status).toBe(3);
    expect(err).toMatch(/cannot reach 127\.0\.0\.1:1: .*\nis it there\? Name another one with --database/);
    expect(err).not.toContain('secret');
  });
});

it.each([
  [['--log', '.'], 'NO_KEY'],
  [['--vkey', vkey], 'NOTHING_TO_VERIFY'],
  [['--log', '.', '--proof', 'x', '--vkey', vkey], 'NOTHING_TO_VERIFY'],
  [['--log', 'nowhere', '--vkey', vkey], 'FILE_UNREADABLE'],
  [['--proof', 'nowhere', '--vkey', vkey], 'FILE_UNREADABLE'],
  [['--log', '.', '--vkey', 'log.example+00000000+AAAA'], 'BAD_VERIFIER_KEY'],
  [['--log', '.', '--vkey', vkey, '--quorum', 'x'], 'NOT_A_NUMBER'],
  [['--log', '.', '--vkey', vkey, '--wrong'], 'unknown option'],
])('%j is wrong use', async (args, says) => {
  const { status, err } = await verify(...args);
  expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(says) });
});
