/** An open breaker is what the log says it is: over the end of the scheduler that opened it, and over a start of everything. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startWorld, until, type World } from '@mandate/testing';
import pg from 'pg';
import { startEngineProcess, writeMasterKey, type EngineProcess } from './engine-process.js';
import { PlainApi } from './plain-api.js';
import { PlainRequester, type Document } from './plain-requester.js';
import { completed, PlainWorker } from './plain-worker.js';
import { startEngine as startEngineHere, type StartedEngine } from './start-engine.js';

let world: World;
let folder: string;
let requester: PlainRequester;
let database: pg.Client;
let worker: PlainWorker;
let isWell = false;
let last: StartedEngine | undefined;
const masterKey = randomBytes(32).toString('hex');
const engines = new Map<string, EngineProcess>();

const startEngine = async (instance: string): Promise<void> => {
  engines.set(instance, await startEngineProcess({ world, instance, masterKeyFile: join(folder, 'master.key') }));
};
const api = (): PlainApi => (last ? new PlainApi(last.url) : ([...engines.values()][0] as EngineProcess).api);

beforeAll(async () => {
  world = await startWorld();
  folder = mkdtempSync(join(tmpdir(), 'mandate-guards-'));
  writeMasterKey(join(folder, 'master.key'), masterKey);
  await Promise.all(['engine-a', 'engine-b'].map(startEngine));
  requester = await PlainRequester.connect(world.nats.url);
  database = new pg.Client({ connectionString: world.database.url });
  await database.connect();
  worker = await PlainWorker.start(requester.connection, {
    instance: 'w1',
    capabilities: [{ name: 'search', concurrency: 20 }],
    work: () => (isWell ? completed('done') : { status: 'failed', error: { code: 'BAD_DAY', message: 'it rained', retryable: true } }),
  });
}, 60_000);

afterAll(async () => {
  worker.stop();
  await Promise.all([...engines.values()].map((engine) => engine.kill()));
  await last?.stop();
  await requester.close();
  await database.end();
  await world.stop();
  rmSync(folder, { recursive: true });
});

const ask = async (): Promise<string> =>
  (await requester.ask({ goal: 'find', steps: [{ id: 'a', capability: 'search', maxAttempts: 1 }] })).id;
const change = async (document: Document): Promise<void> => {
  expect((await api().post('/api/scheduling', document)).status).toBe(200);
};
const blockOf = async (id: string): Promise<Document | undefined> => {
  const answer = await api().get<{ steps?: { waiting?: { blockedBy: Document | null } }[] }>(`/api/delegations/${id}`);
  return answer.body.steps?.[0]?.waiting?.blockedBy ?? undefined;
};
const blockedBy = (id: string, state: string): Promise<Document> =>
  until(
    async () => {
      const block = await blockOf(id);
      return block?.['kind'] === 'breaker' && block['state'] === state && block;
    },
    { what: `${id} to be told of an ${state} breaker`, timeoutMs: 20_000 },
  );
/** What is asked while the news of the breaker is on its way still goes through. */
const firstHeldUp = async (): Promise<string> => {
  for (;;) {
    const id = await ask();
    const ended = async (): Promise<'failed' | 'held' | undefined> => {
      if (requester.typesOf(id).includes('failed')) return 'failed';
      return (await blockOf(id))?.['kind'] === 'breaker' ? 'held' : undefined;
    };
    if ((await until(ended, { what: `${id} to fail or to wait`, timeoutMs: 20_000 })) === 'held') return id;
  }
};
const leader = async (): Promise<string> => {
  const { rows } = await database.query<{ owner: string }>("SELECT owner FROM es.lease_owner WHERE name = 'scheduler'");
  return /^engine-[ab]/.exec(rows[0]?.owner ?? '')?.[0] ?? '';
};
const breakerEvents = async (): Promise<string[]> => {
  const { rows } = await database.query<{ type: string }>(
    "SELECT type FROM es.event WHERE type LIKE 'dev.mandate.policy.breaker%' ORDER BY position",
  );
  return rows.map(({ type }) => /breaker(\w+)/.exec(type)?.[1] ?? '');
};

it('a breaker that the scheduler opened stays open when it is killed, and over a start of everything, until it is tried', async () => {
  await change({ type: 'set-breaker', kind: 'worker', name: 'w1', volume: 5, openFor: 'PT5M' });
  await Promise.all(Array.from({ length: 5 }, ask));
  await until(async () => (await breakerEvents()).includes('opened'), { what: 'the breaker to open' });
  const id = await firstHeldUp();
  const opened = await blockedBy(id, 'open');
  const offered = worker.offers.length;

  const killed = await leader();
  await engines.get(killed)?.kill();
  engines.delete(killed);
  await until(async () => (await leader()) !== killed && (await leader()) !== '', { what: 'another engine to lead', timeoutMs: 20_000 });
  expect(await blockedBy(id, 'open')).toEqual(opened);

  await Promise.all([...engines.values()].map((engine) => engine.stop()));
  engines.clear();
  last = await startEngineHere(world, { masterKey });
  expect(await blockedBy(id, 'open')).toEqual(opened);
  expect(worker.offers).toHaveLength(offered);

  isWell = true;
  last.clock.advance(5 * 60_000);
  await until(async () => (await breakerEvents()).includes('closed'), { what: 'the breaker to close', timeoutMs: 30_000 });
  expect(await breakerEvents()).toEqual(['ruleset', 'opened', 'halfopened', 'closed']);
  await until(() => requester.typesOf(id).includes('completed'), { what: 'what waited to be done', timeoutMs: 20_000 });
  expect(worker.offers).toHaveLength(offered + 1);
}, 120_000);
