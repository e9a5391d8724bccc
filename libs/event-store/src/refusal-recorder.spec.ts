/** Refusals on the real log: each before its answer, all of a flood, none while the store is away. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresServer, testDatabase, type RestartableServer, type TestDatabase } from '@mandate/testing';
import { EventStore } from './event-store.js';
import { Keyring } from './keys.js';
import { migrate } from './migrate.js';
import { REFUSED, RefusalRecorder } from './refusal-recorder.js';
import type { Refusal } from './refusal-tally.js';
import type { RecordedEvent } from './types.js';

const clock = { now: () => Date.now() };
const refusal = (given: Partial<Refusal> = {}): Refusal => ({
  tenant: 'default',
  principal: 'ann',
  kind: 'operator',
  via: 'http',
  operation: 'POST /api/delegations',
  code: 'FORBIDDEN',
  status: 403,
  ...given,
});
const open = (databaseUrl: string): Promise<EventStore> =>
  EventStore.open({
    databaseUrl,
    keyring: new Keyring(randomBytes(32).toString('hex')),
    where: { service: 'tests', instance: 'tests-1' },
    queryTimeoutMs: 1_000,
  });
const refused = async (store: EventStore, after = 0): Promise<RecordedEvent[]> =>
  store.readAll({ from: after, limit: 10_000, types: [REFUSED] });

describe('a recorder of refusals', () => {
  let database: TestDatabase;
  let store: EventStore;
  let recorder: RefusalRecorder;
  beforeAll(async () => {
    database = await testDatabase();
    store = await open(database.url);
    recorder = new RefusalRecorder({ store, instance: 'tests-1', clock });
  });
  afterAll(async () => {
    await recorder.stop();
    await store.close();
    await database.stop();
  });

  it('has it on record when it says so', async () => {
    await recorder.record(refusal());
    const [event] = await refused(store);
    expect(event).toMatchObject({
      actor: { kind: 'operator', id: 'ann' },
      outcome: 'denied',
      reason: 'FORBIDDEN',
      data: { operation: 'POST /api/delegations', status: 403, count: 1 },
    });
  });

  it('writes a flood in few events, and loses none of it', async () => {
    const { size } = await store.head();
    const waves = 20;
    for (let wave = 0; wave < waves; wave++)
      await Promise.all(Array.from({ length: 500 }, (_, i) => recorder.record(refusal({ principal: `p${i}`, code: `C${i % 3}` }))));
    const events = await refused(store, size);
    expect(events.reduce((sum, { data }) => sum + Number(data['count']), 0)).toBe(waves * 500);
    expect(events.length).toBeLessThan(waves * 16);
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

  it('nothing is answered but that, in time; what was counted is written later', async () => {
    const recorder = new RefusalRecorder({ store, instance: 'tests-2', clock });
    await server.kill();
    const before = performance.now();
    await expect(recorder.record(refusal())).rejects.toMatchObject({ code: 'NOT_RECORDED', kind: 'unavailable' });
    expect(performance.now() - before).toBeLessThan(4_000);
    await server.restart();
    await recorder.record(refusal());
    const [event] = await refused(store);
    expect(event?.data).toMatchObject({ count: 2 });
    await recorder.stop();
  }, 60_000);
});
