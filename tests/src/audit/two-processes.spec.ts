/** Two processes of the audit service on one log: erasures, signing, and a third that has other state. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { startEngineProcess, writeMasterKey, type EngineProcess } from '../e2e/engine-process.js';
import { AuditScene, MASTER_KEY } from './audit-scene.js';

const PERSONS = 12;
let scene: AuditScene;
let one: EngineProcess;
let two: EngineProcess;
const elsewhere = mkdtempSync(join(tmpdir(), 'mandate-other-state-'));

const start = (instance: string, folder: string): Promise<EngineProcess> =>
  startEngineProcess({
    world: { database: { url: scene.databaseUrl }, nats: { url: 'nats://127.0.0.1:1' } },
    instance,
    masterKeyFile: writeMasterKey(join(folder, 'master.key'), MASTER_KEY),
    services: 'audit',
  });

beforeAll(async () => {
  scene = await AuditScene.start();
  for (let i = 0; i < PERSONS; i++) await scene.append(`d${i}`, [{ personal: { goal: 'x' } }], { dataSubject: `p${i}`, open: false });
  await scene.closeService();
  [one, two] = await Promise.all([start('one', scene.folder), start('two', scene.folder)]);
}, 60_000);
afterAll(async () => {
  await Promise.all([one.stop(), two.kill()]);
  await scene.stop();
  rmSync(elsewhere, { recursive: true });
});

const erase = (by: EngineProcess, person: number): Promise<{ status: number; body: Record<string, unknown> }> =>
  by.api.post('/api/audit/erasures', { dataSubject: `p${person}` });
const signed = async (by: EngineProcess): Promise<number> => Number((await by.api.get('/api/audit/log/checkpoint')).text.split('\n')[1]);

describe('two processes', () => {
  it('make one key, and erase persons at the same time without losing one on the list', async () => {
    const answers = await Promise.all(Array.from({ length: PERSONS }, (_, i) => erase(i % 2 === 0 ? one : two, i)));
    expect(answers.map(({ status }) => status)).toEqual(Array(PERSONS).fill(200));
    const listed = readFileSync(join(scene.stateFolder, 'erasures.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { delegations: string[] }).delegations);
    expect(listed.flat().sort()).toEqual(Array.from({ length: PERSONS }, (_, i) => `d${i}`).sort());
    const { body } = await one.api.get<{ items: { resource: { id: string } }[] }>(
      '/api/audit/events?action=dev.mandate.erasure.completed.v1&limit=500',
    );
    expect(new Set(body.items.map(({ resource }) => resource.id)).size).toBe(PERSONS);
    expect(body.items).toHaveLength(PERSONS);
  });

  it('sign one log, which goes on when the one that signs is killed', async () => {
    const says = async (by: EngineProcess): Promise<string> => (await by.api.get('/health/ready')).text;
    await until(async () => /another process signs/.test((await says(one)) + (await says(two))), { what: 'one to stand by' });
    if (/another process signs/.test(await says(one))) [one, two] = [two, one];
    // Now `one` signs; whoever is left takes over, and `afterAll` stops it.
    await one.kill();
    [one, two] = [two, one];
    await scene.append('more', [{}]);
    const size = await scene.size();
    await until(async () => (await signed(one)) >= size, { what: 'the other to sign', timeoutMs: 30_000 });
    const { status, json } = await scene.mandate('verify', '--database', scene.databaseUrl, '--vkey', scene.vkey, '--json');
    expect({ status, failures: json['failures'] }).toEqual({ status: 0, failures: [] });
  }, 60_000);

  it('are told when they do not share their state: nothing is signed with another key, nothing erased on another list', async () => {
    const third = await start('three', elsewhere);
    try {
      expect(await erase(third, 0)).toMatchObject({ status: 503, body: { code: 'STATE_NOT_SHARED' } });
      await one.kill();
      await until(async () => (await third.api.get('/health/ready')).text.includes('MANDATE_STATE_DIR'), {
        what: 'the third to say why it does not sign',
        timeoutMs: 30_000,
      });
    } finally {
      await third.stop();
      one = await start('four', scene.folder);
    }
  }, 60_000);
});
