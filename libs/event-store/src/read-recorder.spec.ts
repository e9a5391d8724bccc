/** Reads on the real log: the first of each window before its answer, the others counted, and none while the store is away. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeClock, startPostgresServer, testDatabase, until, type RestartableServer, type TestDatabase } from '@mandate/testing';
import { EventStore } from './event-store.js';
import { Keyring } from './keys.js';
import { migrate } from './migrate.js';
import { READ, READ_WINDOW_MS, ReadRecorder } from './read-recorder.js';
import type { Read } from './read-tally.js';

const read = (given: Partial<Read> = {}): Read => ({
  tenant: 'default',
  principal: 'ann',
  kind: 'operator',
  via: 'http',
  operation: 'GET /api/delegations/:id',
  resource: 'delegation/d1',
  ...given,
});
const open = (databaseUrl: string): Promise<EventStore> =>
  EventStore.open({
    databaseUrl,
    keyring: new Keyring(randomBytes(32).toString('hex')),
    where: { service: 'tests', instance: 'tests-1' },
    queryTimeoutMs: 1_000,
  });

/** What is on record of one principal's reads: what, how often. */
const readBy = async (store: EventStore, principal: string): Promise<[what: unknown, count: unknown][]> =>
  (await store.readAll({ from: 0, limit: 10_000, types: [READ] }))
    .filter(({ actor }) => actor.id === principal)
    .map(({ data }) => [data['resource'] ?? data['resources'] ?? null, data['count']]);

describe('a recorder of reads', () => {
  let database: TestDatabase;
  let store: EventStore;
  const clock = new FakeClock();
  let recorder: ReadRecorder;
  beforeAll(async () => {
    database = await testDatabase();
    store = await open(database.url);
    recorder = new ReadRecorder({ store, instance: 'tests-1', clock });
  });
  afterAll(async () => {
    await recorder.stop();
    await store.close();
    await database.stop();
  });

  it('has it on record when it says so, in the caller’s trace', async () => {
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
    await recorder.record(read({ traceparent }));
    const [event] = await store.readAll({ from: 0, limit: 10, types: [READ] });
    expect(event).toMatchObject({
      stream: { type: 'audit', id: 'reads-tests-1' },
      actor: { kind: 'operator', id: 'ann' },
      outcome: 'success',
      traceparent,
      data: { via: 'http', operation: 'GET /api/delegations/:id', resource: 'delegation/d1', count: 1 },
    });
  });

  it('counts what comes again, and tells it when the window is over', async () => {
    const poll = (): Promise<void> => recorder.record(read({ principal: 'poller' }));
    for (let i = 0; i < 100; i++) await poll();
    expect(await readBy(store, 'poller')).toEqual([['delegation/d1', 1]]);
    clock.advance(READ_WINDOW_MS);
    await recorder.endWindows();
    await poll();
    expect(await readBy(store, 'poller')).toEqual([
      ['delegation/d1', 1],
      ['delegation/d1', 99],
      ['delegation/d1', 1],
    ]);
  });

  it('tells them before their window is forgotten for the next one', async () => {
    for (let i = 0; i < 3; i++) await recorder.record(read({ principal: 'later' }));
    clock.advance(READ_WINDOW_MS);
    await recorder.record(read({ principal: 'later' }));
    expect((await readBy(store, 'later')).map(([, count]) => count)).toEqual([1, 2, 1]);
  });

  it('tells operations and resources apart, and lists as such', async () => {
    for (const given of [{}, { resource: 'delegation/d2' }, { operation: 'GET /api/delegations', resource: null }])
      await recorder.record(read({ principal: 'bob', ...given }));
    expect(await readBy(store, 'bob')).toEqual([
      ['delegation/d1', 1],
      ['delegation/d2', 1],
      [null, 1],
    ]);
  });

  it('names each of very many, in fewer events, and forgets the oldest of its windows', async () => {
    const { size } = await store.head();
    const ids = Array.from({ length: 12_000 }, (_, i) => `delegation/f${i}`);
    for (let at = 0; at < ids.length; at += 1_000)
      await Promise.all(ids.slice(at, at + 1_000).map((resource) => recorder.record(read({ principal: 'crawler', resource }))));
    const events = await readBy(store, 'crawler');
    expect(new Set(events.flatMap(([what]) => what)).size).toBe(ids.length);
    expect((await store.head()).size - size).toBeLessThan(ids.length);
    // Its window was forgotten for others: it is on record anew, before the answer.
    await recorder.record(read({ principal: 'crawler', resource: 'delegation/f0' }));
    expect(
      (await readBy(store, 'crawler')).filter(([what]) => what === 'delegation/f0' || (what as string[]).includes('delegation/f0')),
    ).toHaveLength(2);
  });

  it('tells what is counted when it stops, by each caller', async () => {
    const own = new ReadRecorder({ store, instance: 'tests-2', clock });
    const callers = Array.from({ length: 1_000 }, (_, i) => `last-${i}`);
    for (let i = 0; i < 5; i++) await Promise.all(callers.map((principal) => own.record(read({ principal }))));
    await own.stop();
    const events = (await store.readAll({ from: 0, limit: 50_000, types: [READ] })).filter(({ stream }) => stream.id === 'reads-tests-2');
    for (const count of [1, 4])
      expect(new Set(events.filter(({ data }) => data['count'] === count).map(({ actor }) => actor.id))).toEqual(new Set(callers));
  });
});

describe('while the store is away', () => {
  let server: RestartableServer;
  let store: EventStore;
  beforeAll(async () => {
    server = await startPostgresServer();
    await migrate(server.url);
    store = await open(server.url);
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
  });

  it('nothing new is shown, and everybody who waited is told so', async () => {
    const recorder = new ReadRecorder({ store, instance: 'tests-3', clock: new FakeClock() });
    await server.kill();
    const both = await Promise.allSettled([recorder.record(read()), recorder.record(read())]);
    expect(both.map((one) => one.status === 'rejected' && (one.reason as { code: string }).code)).toEqual(['NOT_RECORDED', 'NOT_RECORDED']);
    await server.restart();
    await until(
      async () =>
        recorder.record(read()).then(
          () => true,
          () => false,
        ),
      { what: 'reads again', timeoutMs: 20_000 },
    );
    expect((await readBy(store, 'ann')).length).toBeGreaterThanOrEqual(1);
    await recorder.stop();
  }, 60_000);
});
