/** Section 3.4 of the contract, from outside: engines share a log, and one that is killed is replaced within seconds. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startWorld, until, type World } from '@mandate/testing';
import pg from 'pg';
import { startEngineProcess, writeMasterKey, type EngineProcess } from './engine-process.js';
import { PlainRequester } from './plain-requester.js';
import { completed, PlainWorker, type Offer } from './plain-worker.js';

const DELEGATIONS = 40;

let world: World;
let folder: string;
let requester: PlainRequester;
let database: pg.Client;
let worker: PlainWorker;
let leader: PlainWorker;
const engines: EngineProcess[] = [];
const work: ((offer: Offer) => ReturnType<typeof completed> | undefined)[] = [];

const startEngine = (instance: string): Promise<EngineProcess> =>
  startEngineProcess({ world, instance, masterKeyFile: join(folder, 'master.key') });

beforeAll(async () => {
  world = await startWorld();
  folder = mkdtempSync(join(tmpdir(), 'mandate-e2e-'));
  writeMasterKey(join(folder, 'master.key'), randomBytes(32).toString('hex'));
  engines.push(...(await Promise.all(['engine-a', 'engine-b'].map(startEngine))));
  requester = await PlainRequester.connect(world.nats.url);
  database = new pg.Client({ connectionString: world.database.url });
  await database.connect();
  leader = await PlainWorker.start(requester.connection, { capabilities: ['lead'], work: () => undefined });
  const capabilities = [{ name: 'shout', concurrency: 200 }];
  worker = await PlainWorker.start(requester.connection, { capabilities, work: (offer) => (work.at(-1) ?? simply)(offer) });
}, 60_000);

afterAll(async () => {
  for (const started of [worker, leader]) started.stop();
  await Promise.all(engines.map((engine) => engine.kill()));
  await requester.close();
  await database.end();
  await world.stop();
  rmSync(folder, { recursive: true });
});

const simply = ({ stepId }: Offer): ReturnType<typeof completed> => completed(stepId);

const shares = (): Promise<number[]> => Promise.all(engines.map((engine) => engine.partitions()));
const shared = (...expected: number[]): Promise<unknown> =>
  until(async () => (await shares()).join() === expected.join(), { what: `shares of ${expected.join(' and ')}`, timeoutMs: 20_000 });

const ask = async (): Promise<string[]> => {
  const steps = ['a', 'b', 'c'].map((id, i, ids) => ({ id, capability: 'shout', dependsOn: ids.slice(Math.max(0, i - 1), i) }));
  const asked = await Promise.all(Array.from({ length: DELEGATIONS }, () => requester.ask({ goal: 'spread', steps })));
  return asked.map(({ id }) => id);
};

/** What the log says: how often each step of these delegations succeeded, and which engines wrote about them. */
const logOf = async (ids: string[]): Promise<{ succeeded: Record<string, number>; engines: string[] }> => {
  const { rows } = await database.query<{ key: string; count: string; engine: string }>(
    `SELECT e.stream_id || '/' || (c.doc #>> '{data,stepId}') AS key, count(*) AS count, min(c.doc #>> '{where,instance}') AS engine
       FROM es.event e, LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS doc) c
      WHERE e.type = 'dev.mandate.delegation.stepsucceeded.v1' AND e.stream_id = ANY($1) GROUP BY 1`,
    [ids],
  );
  return {
    succeeded: Object.fromEntries(rows.map(({ key, count }) => [key, Number(count)])),
    engines: [...new Set(rows.map(({ engine }) => engine))].sort(),
  };
};

const onceEach = (ids: string[]): Record<string, number> =>
  Object.fromEntries(ids.flatMap((id) => ['a', 'b', 'c'].map((step) => [`${id}/${step}`, 1])));

const allCompleted = (ids: string[]): Promise<unknown> =>
  until(() => ids.every((id) => requester.typesOf(id).includes('completed')), { what: 'all delegations to complete', timeoutMs: 40_000 });

it('two engines that start at once share the partitions, and each carries out its part', async () => {
  await shared(8, 8);
  const ids = await ask();
  await allCompleted(ids);
  const log = await logOf(ids);
  expect(log.succeeded).toEqual(onceEach(ids));
  expect(log.engines).toEqual(['engine-a', 'engine-b']);
});

it('either engine shows all delegations and all workers', async () => {
  const ids = (await ask()).slice(0, 5);
  await allCompleted(ids);
  for (const { api } of engines) {
    for (const id of ids) expect(await api.view(id)).toMatchObject({ state: 'TASK_STATE_COMPLETED', result: 'c' });
    const { body } = await api.get<{ items: { instance: string; state: string }[] }>('/api/agents');
    expect(body.items.filter(({ state }) => state === 'online').map(({ instance }) => instance)).toContain(worker.instance);
  }
});

it('a parent and its children may belong to different engines', async () => {
  const { id } = await requester.ask({ goal: 'lead', steps: [{ id: 'lead', capability: 'lead' }] });
  const { delegationId, stepId, attempt, leaseId } = await leader.offer(({ delegationId: of }) => of === id);
  const parent = { delegationId, stepId, attempt, leaseId };
  const steps = [{ id: 'a', capability: 'shout' }];
  const children = await Promise.all(Array.from({ length: 16 }, () => requester.ask({ goal: 'follow', steps, parent })));
  for (const child of children) expect((await child.answer()).body).toEqual({ id: child.id, state: 'TASK_STATE_SUBMITTED' });
  await allCompleted(children.map((child) => child.id));
  const { engines: writers } = await logOf(children.map((child) => child.id));
  expect(writers).toEqual(['engine-a', 'engine-b']);
});

it.each([0, 1])(
  'one that is killed with work in hand is replaced within seconds, and every step succeeds once (%i)',
  async (which) => {
    const held: Offer[] = [];
    work.push((offer) => {
      held.push(offer);
      return undefined;
    });
    const report = (offers: Offer[]): Promise<unknown> => Promise.all(offers.map((offer) => worker.report(offer, completed(offer.stepId))));
    const ids = await ask();
    await until(() => held.length >= DELEGATIONS, { what: 'all first steps to be at the worker' });
    work.push(simply);
    const [before, meanwhile, after] = [held.slice(0, 10), held.slice(10, 20), held.slice(20)];
    await report(before);
    const [victim] = engines.splice(which, 1);
    await victim?.kill();
    const killedAt = performance.now();
    await report(meanwhile);
    const during = await ask();
    await shared(16);
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    await report(after);
    await allCompleted([...ids, ...during]);
    expect((await logOf([...ids, ...during])).succeeded).toEqual(onceEach([...ids, ...during]));
    const [survivor] = engines as [EngineProcess];
    for (const id of ids) expect((await survivor.api.view(id)).steps.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    engines.splice(which, 0, await startEngine(`engine-${which === 0 ? 'a' : 'b'}`));
    await shared(8, 8);
  },
  90_000,
);

it('one that leaves gives back its share at once', async () => {
  const ids = await ask();
  const leftAt = performance.now();
  expect(await engines.pop()?.stop()).toBe(0);
  await shared(16);
  expect(performance.now() - leftAt).toBeLessThan(5_000);
  await allCompleted(ids);
  expect((await logOf(ids)).succeeded).toEqual(onceEach(ids));
}, 60_000);

it('the log has no gap', async () => {
  const { rows } = await database.query<{ events: string; last: string }>('SELECT count(*) AS events, max(position) AS last FROM es.event');
  expect(Number(rows[0]?.events)).toBe(Number(rows[0]?.last));
});
