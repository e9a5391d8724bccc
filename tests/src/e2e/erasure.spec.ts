/** A person erased while the engine that served them goes on: what its API showed a moment ago is gone. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { audit } from '@mandate/audit';
import { delegationEngine } from '@mandate/delegation-engine';
import { createLogger, serve, type Served } from '@mandate/service-host';
import { startWorld, until, type World } from '@mandate/testing';
import { PlainApi } from './plain-api.js';
import { PlainRequester } from './plain-requester.js';
import { PlainWorker } from './plain-worker.js';

let world: World;
let served: Served;
let api: PlainApi;
let requester: PlainRequester;
let worker: PlainWorker;
let stateFolder: string;
beforeAll(async () => {
  world = await startWorld();
  stateFolder = await mkdtemp(join(tmpdir(), 'mandate-erasure-'));
  const logger = createLogger({ service: 'tests', instance: 'host-1', level: 'silent' });
  const masterKey = randomBytes(32).toString('hex');
  served = await serve(
    [delegationEngine, audit],
    { databaseUrl: world.database.url, natsUrl: world.nats.url, masterKey, stateFolder, instance: 'host-1', logger },
    { host: '127.0.0.1', port: 0 },
  );
  api = new PlainApi(served.url);
  requester = await PlainRequester.connect(world.nats.url);
  worker = await PlainWorker.start(requester.connection, { capabilities: ['shout'] });
});
afterAll(async () => {
  worker.stop();
  await requester.close();
  await served.close();
  await world.stop();
  await rm(stateFolder, { recursive: true, force: true });
});

const ask = async (dataSubject: string): Promise<string> => {
  const { id } = await requester.ask({ goal: `a letter to ${dataSubject}`, dataSubject, steps: [{ id: 'a', capability: 'shout' }] });
  expect((await api.inState(id, 'COMPLETED')).result).toBe(`A LETTER TO ${dataSubject.toUpperCase()}`);
  return id;
};

const shown = async (id: string): Promise<Record<string, unknown>> => (await api.get(`/api/delegations/${id}`)).body;

it('shows nothing of an erased person any more, and takes new work for them', async () => {
  const [hers, his] = [await ask('ann'), await ask('bob')];
  const erased = await api.post('/api/audit/erasures', { dataSubject: 'ann' });
  expect(erased).toMatchObject({ status: 200, body: { delegations: 1, keys: 2 } });
  await until(async () => JSON.stringify((await shown(hers))['result']) === '{"erased":true}', { what: 'the engine to hear of it' });
  expect(await shown(hers)).toMatchObject({ state: 'TASK_STATE_COMPLETED', goal: { erased: true }, pattern: 'direct' });
  expect(await shown(his)).toMatchObject({ goal: 'a letter to bob', result: 'A LETTER TO BOB' });
  const again = await ask('ann');
  expect(await shown(again)).toMatchObject({ goal: 'a letter to ann' });
});
