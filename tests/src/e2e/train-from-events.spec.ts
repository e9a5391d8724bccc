/** A model from a recorded log: the same lessons give the same bytes, one more gives others, and erased goals are left out. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { destroyKeys, EventStore, Keyring, type NewEvent, type StreamId } from '@mandate/event-store';
import { ulid, type JsonObject } from '@mandate/kernel';
import { loadOwn, shippedModel, type NamedModel } from '@mandate/recognition-model';
import { testDatabase, type TestDatabase } from '@mandate/testing';

const TOOL = fileURLToPath(new URL('../../../libs/recognition-model/tools/train-recogniser.mjs', import.meta.url));
const masterKey = randomBytes(32).toString('hex');
const AT = '2026-11-23T05:00:00.000Z';
const GOALS = [
  ['direct', 'Please check'],
  ['sequential', 'First check it, then translate the result of'],
  ['parallel', 'In parallel, check, index and translate'],
] as const;

let database: TestDatabase;
let store: EventStore;
let folder: string;
let taught = 0;
const ids: string[] = [];

beforeAll(async () => {
  database = await testDatabase();
  store = await EventStore.open({
    databaseUrl: database.url,
    keyring: new Keyring(masterKey),
    where: { service: 'spec', instance: 'spec' },
  });
  folder = await mkdtemp(join(tmpdir(), 'train-from-events-'));
  await writeFile(join(folder, 'master.key'), masterKey);
}, 60_000);
afterAll(async () => {
  await store.close();
  await database.stop();
  await rm(folder, { recursive: true });
});

const record = async (stream: StreamId, expected: number, data: JsonObject, personal?: JsonObject): Promise<void> => {
  const type = `dev.mandate.${stream.type === 'recogniser' ? 'recogniser.taught' : 'delegation.requested'}.v1`;
  const event: NewEvent = { type, occurredAt: AT, data, ...(personal ? { personal } : {}) };
  const result = await store.append({
    tenant: 'default',
    stream,
    expected: expected === 0 ? 'no-stream' : expected,
    events: [event],
    actor: { kind: 'agent', id: 'spec' },
    correlationId: stream.id,
  });
  expect(result.ok).toBe(true);
};
const teach = async (by = 'feedback'): Promise<void> => {
  const id = ulid(Date.parse(AT), randomBytes(10));
  const [pattern, words] = GOALS[taught % GOALS.length] as (typeof GOALS)[number];
  await record({ type: 'delegation', id }, 0, {}, { goal: `${words} the secretword${taught}` });
  const { size: position } = await store.head();
  await record({ type: 'recogniser', id: 'layer' }, taught++, { by, pattern, succeeded: true, delegationId: id, eventId: id, position });
  ids.push(id);
};
interface Trained {
  to: number;
  lessons: number;
  erased: number;
  digest: string;
  vkey?: string;
}
const trainWith = async (key: Record<string, string>, ...more: string[]): Promise<Trained> => {
  const args = [TOOL, '--from-events', '--tenant', 'default', '--out', join(folder, 'out'), ...more];
  const env = { PATH: process.env['PATH'], DATABASE_URL: database.url, ...key };
  return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout) as Trained;
};
const train = (...more: string[]): Promise<Trained> => trainWith({ MANDATE_MASTER_KEY_FILE: join(folder, 'master.key') }, ...more);
/** Labelled requests of two sources more. */
const writeData = async (): Promise<string> => {
  const lines = ['letters', 'tables'].flatMap((source) =>
    Array.from({ length: 120 }, (_, i) => {
      const [label, words] = GOALS[i % GOALS.length] as (typeof GOALS)[number];
      return JSON.stringify({ source, label, text: `${words} the ${source} of house ${i}` });
    }),
  );
  await writeFile(join(folder, 'train.jsonl'), `${lines.join('\n')}\n`);
  return folder;
};

it('refuses too few lessons, gives the same digest for the same log and another for one lesson more, and leaves erased goals out', async () => {
  for (let i = 0; i < 199; i++) await teach();
  await teach('outcome');
  await expect(train()).rejects.toMatchObject({ stderr: expect.stringContaining('199 lessons are too few') as unknown });
  await teach('requester');
  const first = await train();
  expect(first).toMatchObject({ lessons: 200, erased: 0 });
  await teach('planner');
  expect(await train('--to', `${first.to}`)).toEqual(first);
  const bytes = await readFile(join(folder, 'out', 'recogniser.bin'), 'latin1');
  expect(bytes).not.toContain('secretword');
  expect(bytes).toContain(`up to position ${first.to}`);
  const more = await train();
  expect(more.lessons).toBe(201);
  expect(more.digest).not.toBe(first.digest);
  await destroyKeys(store.database, { tenant: 'default', subject: null, kids: [], delegations: ids.slice(0, 1) });
  expect(await train()).toMatchObject({ lessons: 200, erased: 1 });
}, 240_000);

it('signs it, takes the key from MANDATE_HOME, and adds labelled requests as more sources; what comes out is loaded', async () => {
  const key = join(folder, 'signing.pem');
  const home = { MANDATE_HOME: folder, MANDATE_MASTER_KEY_FILE: '' };
  const alone = await trainWith(home, '--new-key', key);
  const own = (): NamedModel => loadOwn({ file: join(folder, 'out', 'recogniser.bin'), vkey: alone.vkey ?? '' });
  expect(own()).toMatchObject({ digest: alone.digest, model: { header: { tenant: 'default' } } });
  const data = await writeData();
  const both = await trainWith(home, '--key', key, '--data', data);
  expect(both).toMatchObject({ lessons: alone.lessons, vkey: alone.vkey });
  expect(both.digest).not.toBe(alone.digest);
  expect(own().model.header.provenance.map(({ source, requests }) => [source, requests])).toEqual([
    ['letters', 120],
    ['tables', 120],
    ['tenant', alone.lessons],
    ['written', shippedModel().header.provenance.find(({ source }) => source === 'written')?.requests],
  ]);
  expect(await readFile(join(folder, 'out', 'report.md'), 'utf8')).toMatch(/\| by folds \|[^]*\| left out \|/);
  expect(await trainWith(home, '--key', key, '--data', data)).toEqual(both);
}, 240_000);
