/** Witnesses of ours, asked by the signer of ours and by hand. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatSignerKey, formatVerifierKey, noteVerifier, parseSignerKey, type Signer } from '@mandate/audit-log';
import { serveWitness, Witness, type ServedWitness } from '@mandate/cli';
import { nodeCrypto } from '@mandate/signing';
import { FakeClock, until } from '@mandate/testing';
import { AuditScene } from './audit-scene.js';

const ORIGIN = 'log.example/of-the-test';
const NOW = Date.parse('2026-11-25T12:00:00.000Z');

let folder: string;
let witnesses: { witness: Witness; served: ServedWitness }[];
let scene: AuditScene;
/** The log's own key, made beforehand so that the witnesses know it. */
let key: Signer;

const open = async (name: string): Promise<{ witness: Witness; served: ServedWitness }> => {
  const options = { folder: join(folder, name), name, logs: [noteVerifier(nodeCrypto, key.key)], clock: new FakeClock(NOW) };
  const witness = await Witness.open(options);
  const served = await serveWitness(witness, { host: '127.0.0.1', port: 0 }, (error) => {
    throw error;
  });
  return { witness, served };
};

const post = async (body: string, path = '/add-checkpoint'): Promise<{ status: number; type: string | null; text: string }> => {
  const response = await fetch(`${witnesses[0]!.served.url}${path}`, { method: 'POST', body });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-witness-'));
  const skey = formatSignerKey(nodeCrypto, ORIGIN, 1, Buffer.alloc(32, 9));
  key = parseSignerKey(nodeCrypto, skey);
  witnesses = [await open('w1.example'), await open('w2.example')];
  scene = await AuditScene.start({
    log: { witnesses: witnesses.map(({ witness, served }) => ({ vkey: witness.vkey, url: served.url })) },
    signingKey: skey,
  });
  await scene.appendMany('events', 300);
});
afterAll(async () => {
  await scene.stop();
  for (const { served } of witnesses) await served.close();
  rmSync(folder, { recursive: true });
});

/** The file with what a witness cosigned last. */
const memoryOf = (name: string): string =>
  join(folder, name, readdirSync(join(folder, name)).find((file) => file.endsWith('.cosigned')) as string);

/** The head with both cosignatures. */
const cosigned = async (): Promise<string> => {
  await scene.signed();
  return until(
    async () => {
      const { out } = await scene.mandate('checkpoint');
      return out.includes('w1.example') && out.includes('w2.example') && out;
    },
    { what: 'a head with both cosignatures' },
  );
};

describe('the log’s head', () => {
  it('is cosigned by every witness, with the time; proofs carry that', async () => {
    writeFileSync(join(scene.folder, 'head'), await cosigned());
    await scene.mandate('prove', '17', '--out', 'event.tlog-proof');
    const keys = witnesses.flatMap(({ witness }) => ['--witness', witness.vkey]);
    const verified = await scene.mandate('verify', '--proof', 'event.tlog-proof', '--vkey', formatVerifierKey(key.key), ...keys, '--json');
    expect(verified).toMatchObject({
      status: 0,
      json: { signedBy: [{ name: ORIGIN }, { name: 'w1.example', time: String(NOW / 1000) }, { name: 'w2.example' }] },
    });
  });

  it('is cosigned again when it has grown, from what each witness has seen', async () => {
    const before = Number((await cosigned()).split('\n')[1]);
    await scene.appendMany('more', 100);
    expect(before).toBeGreaterThanOrEqual(300);
    expect((await cosigned()).split('\n')[1]).toBe(String(before + 100));
  });

  it('is not cosigned by a witness that saw another tree, and says so to those who ask for it', async () => {
    const file = memoryOf('w2.example');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^.{43}=$/m, `${'A'.repeat(43)}=`));
    await scene.appendMany('split', 20);
    await scene.signed();
    const head = await until(
      async () => {
        const { out } = await scene.mandate('checkpoint');
        return out.includes('w1.example') && out;
      },
      { what: 'a head that the other witness cosigned' },
    );
    expect(head).not.toContain('w2.example');
    writeFileSync(join(scene.folder, 'proof'), (await scene.mandate('prove', '415')).out);
    const w2 = witnesses[1]!.witness.vkey;
    expect(
      await scene.mandate('verify', '--proof', 'proof', '--vkey', formatVerifierKey(key.key), '--witness', w2, '--json'),
    ).toMatchObject({
      status: 1,
      json: { failures: [{ check: 'witness' }] },
    });
  });
});

describe('a witness', () => {
  it('answers as the protocol says', async () => {
    expect(await post('old 0\n\nnothing')).toMatchObject({ status: 400 });
    expect(await post('x'.repeat(200_000))).toMatchObject({ status: 413 });
    expect(await post('', '/other')).toMatchObject({ status: 404 });
    const { out } = await scene.mandate('checkpoint');
    expect(await post(`old 0\n\n${out}`)).toEqual({ status: 409, type: 'text/x.tlog.size', text: `${out.split('\n')[1]}\n` });
  });
});
