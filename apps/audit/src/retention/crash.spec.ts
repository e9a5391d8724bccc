/** Retention broken off at each of its steps, and done by two processes at once: what is missing is always explained by a record. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Hold } from '@mandate/audit-trail';
import { EventStore, Keyring, partitionsOf } from '@mandate/event-store';
import { CrashPoints, Crashed, FakeClock, until } from '@mandate/testing';
import pg from 'pg';
import { makeSmallPartitions } from '../../spec/small-partitions.js';
import { dropAuditGround, makeAuditGround, startAuditScene, type AuditGround, type AuditScene } from '../../spec/start-audit.js';
import { SubjectIndex } from '../erasure/index.js';
import { LogReader } from '../log/log-reader.js';
import { TreeStore } from '../transparency/index.js';
import { Archive, HoldFinder, Retentions, type RetentionsOptions } from './index.js';

const ROWS = 20;
const DAY_MS = 86_400_000;
const CALLER = { tenant: 'default', principal: 'olga', traceparent: undefined } as unknown as Parameters<Retentions['run']>[0];
const clock = new FakeClock(Date.now());

let ground: AuditGround;
let scene: AuditScene;
let owner: pg.Client;
const stores: EventStore[] = [];
beforeAll(async () => {
  ground = await makeAuditGround();
  scene = await startAuditScene(ground, clock);
  owner = new pg.Client({ connectionString: ground.database.url });
  await owner.connect();
  await makeSmallPartitions(owner, ROWS);
  await scene.post('/api/audit/retention', { days: 30 });
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await owner.end();
  await scene.stop();
  await dropAuditGround(ground);
});

/** As another process would have it. */
const another = async (reached?: RetentionsOptions['reached']): Promise<Retentions> => {
  const keyring = new Keyring(ground.masterKey);
  const store = await EventStore.open({
    databaseUrl: ground.database.url,
    keyring,
    where: { service: 'audit', instance: `a${stores.length}` },
  });
  stores.push(store);
  return new Retentions({
    store,
    keyring,
    archive: new Archive(join(ground.stateFolder, 'archive'), new LogReader(store.database)),
    holds: new HoldFinder(store, new SubjectIndex(store.database)),
    signedSize: async () => Number((await new TreeStore(store.database).head()).signedSize),
    clock,
    ...(reached ? { reached } : {}),
  });
};

/** One more partition is full, signed and old enough. */
const due = async (): Promise<{ from: number; to: number }> => {
  const next = (await partitionsOf(scene.store.database)).find(({ retiredAt }) => retiredAt === null) as { from: number; to: number };
  while ((await scene.store.head()).size < next.to + 1) {
    await owner.query(`SELECT es.ensure_event_partitions(${ROWS})`);
    await scene.append(`d-${(await scene.store.head()).size}`, [{}, { type: 'dev.mandate.delegation.completed.v1' }], { open: false });
  }
  const trees = new TreeStore(scene.store.database);
  await until(async () => Number((await trees.head()).signedSize) >= next.to, { what: 'the partition to be signed' });
  clock.advance(31 * DAY_MS);
  return next;
};

interface Told {
  type: string;
  data: { from: number; to: number; events: number; kept: number; archive?: { sha256: string } };
}

const told = async (): Promise<Told[]> =>
  (await scene.store.readStream({ tenant: 'default', stream: { type: 'retention', id: 'log' } })).map(
    ({ type, data }) => ({ type: type.split('.')[3], data }) as unknown as Told,
  );
const toldOf = async (from: number): Promise<string[]> => (await told()).filter(({ data }) => data.from === from).map(({ type }) => type);

/** Every position that is not there is within a range that the log says it dropped, and of each of those as many are left as it says. */
const explained = async (): Promise<void> => {
  const { rows } = await owner.query<{ position: string }>('SELECT position FROM es.event ORDER BY position');
  const there = new Set(rows.map(({ position }) => Number(position)));
  const retired = new Map((await told()).filter(({ type }) => type === 'retired').map(({ data }) => [data.from, data]));
  for (let position = 1; position <= (await scene.store.head()).size; position++)
    if (!there.has(position)) expect([...retired.values()].some(({ from, to }) => from <= position && position < to)).toBe(true);
  for (const { from, to, kept } of retired.values()) expect([...there].filter((at) => at >= from && at < to)).toHaveLength(kept);
};

describe('retention that is broken off', () => {
  it.each([
    ['archived', [], ['retiring', 'retired']],
    ['begun', ['retiring', 'spared'], ['retiring', 'spared', 'retiring', 'retired']],
    ['dropped', ['retiring', 'retired'], ['retiring', 'retired']],
    ['done', ['retiring', 'retired'], ['retiring', 'retired']],
  ])('when it has %s something, is finished or given up by the next process', async (point, afterStart, afterRun) => {
    const { from } = await due();
    const crashes = new CrashPoints();
    const crashed = crashes.at(point);
    await expect((await another(crashes.reached)).run(CALLER)).rejects.toBeInstanceOf(Crashed);
    await crashed;
    const next = await another();
    await next.resume();
    expect(await toldOf(from)).toEqual(afterStart);
    await explained();
    await next.run(CALLER);
    expect((await toldOf(from)).slice(0, afterRun.length)).toEqual(afterRun);
    const { data } = (await told()).find(({ type, data: { from: at } }) => type === 'retired' && at === from) as Told;
    expect(data).toMatchObject({ events: ROWS, archive: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown } });
    await explained();
  });
});

describe('two processes', () => {
  it('that run it at once retire each partition once', async () => {
    const { from } = await due();
    const [one, two] = await Promise.all([another(), another()]);
    const runs = await Promise.all([one.run(CALLER), two.run(CALLER)]);
    expect(runs.flatMap(({ retired }) => retired.map((range) => range.from))).toEqual([from]);
    expect((await toldOf(from)).slice(0, 2)).toEqual(['retiring', 'retired']);
    await explained();
  });

  it('respect a hold that one of them places while the other archives', async () => {
    const { from } = await due();
    const holding = await another();
    let hold: Pick<Hold, 'id'> | undefined;
    const running = await another(async (point) => {
      if (point === 'archived') hold = await holding.placeHold(CALLER, { of: 'all' } as Parameters<Retentions['placeHold']>[1]);
    });
    expect(await running.run(CALLER)).toMatchObject({ retired: [], stoppedBy: 'held' });
    expect(await toldOf(from)).toEqual([]);
    await holding.liftHold(CALLER, hold?.id as string);
    expect((await holding.run(CALLER)).retired).toHaveLength(1);
  });
});
