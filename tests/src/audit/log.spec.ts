/** The transparency log from outside: signed, served, proved, copied, and verified by what has nothing but the public key. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditScene } from './audit-scene.js';

let scene: AuditScene;
let ids: string[];
beforeAll(async () => {
  scene = await AuditScene.start();
  ids = await scene.append('first', [{ data: { steps: 2 }, personal: { goal: 'secret' } }, {}]);
  await scene.appendMany('more', 300);
  // Longer than 65,535 bytes: fits no bundle.
  ids.push(...(await scene.append('long', [{ personal: { output: 'x'.repeat(70_000) } }])));
  await scene.appendMany('last', 300);
  await scene.signed();
});
afterAll(() => scene.stop());

interface Got {
  status: number;
  headers: Headers;
  bytes: Buffer;
  /** Of a problem or a document. */
  json: Record<string, unknown>;
}

const get = async (path: string): Promise<Got> => {
  const response = await fetch(`${scene.url}/api/audit/log/${path}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, bytes, json: isJson ? JSON.parse(bytes.toString()) : {} };
};

describe('the signing key', () => {
  it('is its owner’s alone, outside the database', () => {
    expect(statSync(join(scene.signingFolder, 'log.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(scene.signingFolder, 'log.key'), 'utf8')).toMatch(/^PRIVATE\+KEY\+mandate\//);
  });

  it('signed the head; its public half is shown', async () => {
    const { status, json } = await scene.mandate('checkpoint', '--json');
    expect({ status, json }).toMatchObject({ status: 0, json: { size: '603', signatures: [scene.vkey.split('+')[0]] } });
    expect((await scene.mandate('vkey')).out.trim()).toBe(scene.vkey);
    expect((await get('checkpoint')).headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });
});

describe('the proof of an event', () => {
  it.each([0, 1, 2])('of number %i verifies offline, and says which event it is', async (n) => {
    const id = ids[n] as string;
    expect((await scene.mandate('prove', id, '--out', 'event.tlog-proof')).status).toBe(0);
    const { status, json } = await scene.mandate('verify', '--proof', 'event.tlog-proof', '--vkey', scene.vkey, '--json');
    expect({ status, json }).toMatchObject({
      status: 0,
      json: { intact: true, event: { id, type: 'dev.mandate.delegation.requested.v1' } },
    });
  });

  it('does not verify when a byte of the event is another', async () => {
    const { out } = await scene.mandate('prove', ids[0] as string);
    const [, extra = ''] = /^extra (\S+)$/m.exec(out) ?? [];
    const record = Buffer.from(extra, 'base64').toString('utf8').replace('"steps":2', '"steps":3');
    writeFileSync(join(scene.folder, 'forged'), out.replace(extra, Buffer.from(record).toString('base64')));
    const { status, json } = await scene.mandate('verify', '--proof', 'forged', '--vkey', scene.vkey, '--json');
    expect({ status, json }).toMatchObject({ status: 1, json: { failures: [{ check: 'inclusion', position: '1' }] } });
  });

  it('is not given out for what is not there', async () => {
    expect((await get('proofs/01JD00000000000000000000A0')).json).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect((await get('proofs/99999')).json).toMatchObject({ code: 'NOT_FOUND' });
    expect((await scene.mandate('prove', 'nothing')).status).toBe(1);
  });

  it('is not given out to another tenant', async () => {
    const [theirs] = await scene.append('theirs', [{}], { tenant: 'another' });
    await scene.signed();
    expect((await get(`proofs/${theirs}`)).status).toBe(404);
  });
});

describe('the log', () => {
  it('is copied and verified without us, the long event too; later only what is new is copied', async () => {
    await scene.signed();
    expect((await scene.mandate('mirror', 'copy')).status).toBe(0);
    const { status, json } = await scene.mandate('verify', '--log', 'copy', '--vkey', scene.vkey, '--json');
    expect({ status, json }).toMatchObject({ status: 0, json: { intact: true, entries: json['size'], failures: [] } });
    await scene.appendMany('later', 40);
    await scene.signed();
    expect((await scene.mandate('mirror', 'copy', '--json')).json).toMatchObject({ fetched: 2 });
    expect((await scene.mandate('verify', '--log', 'copy', '--vkey', scene.vkey)).status).toBe(0);
  });

  it('serves what is signed and nothing else', async () => {
    expect((await get('tile/0/000')).headers.get('cache-control')).toContain('immutable');
    expect((await get('tile/0/000')).bytes.length).toBe(8192);
    expect((await get('tile/0/000.p/7')).bytes.length).toBe(7 * 32);
    expect((await get('tile/entries/001')).status).toBe(404);
    expect((await get('tile/records/001')).status).toBe(200);
    for (const path of ['tile/0/0', 'tile/0/x000/000', 'tile/9/000', 'tile/entries/009', 'tile/entries/000.p/256', 'tile/0/%2e%2e/x'])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
  });

  it('proves that it only grew; from nothing there is nothing to prove', async () => {
    expect((await get('consistency?from=10&to=300')).json).toMatchObject({ from: '10', to: '300', proof: expect.any(Array) });
    expect((await get('consistency?from=0')).json).toMatchObject({ code: 'BAD_SIZE', status: 400 });
    expect((await get('consistency?from=5&to=4')).json).toMatchObject({ code: 'BAD_SIZE' });
    expect((await get('consistency?from=1&to=99999')).json).toMatchObject({ code: 'BAD_SIZE' });
  });
});

describe('the database', () => {
  it('is intact', async () => {
    const { status, json } = await scene.mandate('verify', '--database', '--vkey', scene.vkey, '--json');
    expect({ status, json }).toMatchObject({ status: 0, json: { intact: true, failures: [] } });
  });
});

it('the database is intact also while it grows', async () => {
  let growing = true;
  const grown = (async () => {
    for (let i = 0; growing; i++) await scene.appendMany(`growing-${i}`, 5);
  })();
  for (let i = 0; i < 5; i++)
    expect((await scene.mandate('verify', '--database', '--vkey', scene.vkey, '--json')).json['failures']).toEqual([]);
  growing = false;
  await grown;
});

it('the same folder goes on after a restart', async () => {
  const { vkey } = scene;
  await scene.close();
  await scene.open();
  await scene.appendMany('again', 20);
  await scene.signed();
  expect(scene.vkey).toBe(vkey);
});
