/** What is kept beside the log: upcasted reads, snapshots, dead letters. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { DeadLetters, EventStore, Keyring, Snapshots, Upcasters, type Upcaster } from './index.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

const keyring = new Keyring(MASTER_KEY);
const TYPE = 'dev.mandate.delegation.requested.v1';
let database: TestDatabase;
let store: EventStore;
const open = (upcasters: Upcaster[] = []): Promise<EventStore> => EventStore.open({ databaseUrl: database.url, keyring, where, upcasters });
beforeAll(async () => {
  database = await testDatabase();
  store = await open();
});
afterAll(async () => {
  await store.close();
  await database.stop();
});

describe('upcasters', () => {
  const rename: Upcaster = { type: TYPE, from: 1, upcast: ({ index, ...rest }) => ({ ...rest, number: index ?? 0 }) };
  const double: Upcaster = { type: TYPE, from: 2, upcast: ({ number, ...rest }) => ({ ...rest, number: Number(number) * 2 }) };

  it('bring old events into today’s shape on every read', async () => {
    const stream = newStream();
    await store.append(entryFor(stream, 'no-stream', 2));
    const upcasting = await open([double, rename]);
    expect(await upcasting.readStream({ tenant: 'default', stream })).toMatchObject([
      { schemaVersion: 3, data: { number: 0 } },
      { schemaVersion: 3, data: { number: 2 } },
    ]);
    await upcasting.close();
  });

  it('stop the start when a stored version has no path', async () => {
    await expect(open([double])).rejects.toMatchObject({ code: 'NO_UPCASTER', message: expect.stringContaining(`${TYPE}@1`) });
    const entry = entryFor(newStream(), 'no-stream');
    await store.append({
      ...entry,
      events: entry.events.map((event) => ({ ...event, type: 'dev.mandate.agent.registered.v1', schemaVersion: 7 })),
    });
    await expect(open()).rejects.toMatchObject({ code: 'NO_UPCASTER', message: expect.stringContaining('registered.v1@7') });
  });

  it('may not start twice at the same version', () => expect(() => new Upcasters([rename, rename])).toThrow('two upcasters'));
});

describe('snapshots', () => {
  it('come back to the reducer that made them, and to no other', async () => {
    const stream = newStream();
    const snapshots = new Snapshots(store.database, keyring, 'reducer-1');
    expect(await snapshots.load('default', stream)).toBeNull();
    await snapshots.save('default', stream, { version: 5, state: { n: 5 } });
    await snapshots.save('default', stream, { version: 3, state: { n: 3 } });
    expect(await snapshots.load('default', stream)).toEqual({ version: 5, state: { n: 5 } });
    expect(await snapshots.load('other', stream)).toBeNull();
    const changed = new Snapshots(store.database, keyring, 'reducer-2');
    expect(await changed.load('default', stream)).toBeNull();
    await changed.save('default', stream, { version: 4, state: { n: 4 } });
    expect(await changed.load('default', stream)).toEqual({ version: 4, state: { n: 4 } });
    expect(await snapshots.load('default', stream)).toBeNull();
  });
});

describe('dead letters', () => {
  it('keep any bytes, encrypted, for their tenant', async () => {
    const letters = new DeadLetters(store.database, keyring);
    const payload = Buffer.from([0, 255, 123, 0x74, 0x6f, 0x70]);
    const parked = [];
    for (const detail of ['not JSON', 'nul \0 here'])
      parked.push(
        await letters.park({
          tenant: 'default',
          source: 'mandate.v1.default.request',
          reason: 'NOT_JSON',
          detail,
          payload,
          headers: { a: 'b' },
        }),
      );
    const listed = await letters.list('default', { limit: 10 });
    expect(listed.map(({ id }) => id).sort()).toEqual([...parked].sort());
    expect(listed[0]).toMatchObject({ reason: 'NOT_JSON', payload, headers: { a: 'b' } });
    expect(await letters.list('default', { limit: 10, before: listed[0]?.id ?? '' })).toHaveLength(1);
    expect(await letters.list('other', { limit: 10 })).toEqual([]);
    const [row] = await store.database.query({ name: 'spec', text: 'SELECT payload FROM es.dead_letter LIMIT 1' });
    expect((row?.['payload'] as Buffer).includes(payload)).toBe(false);
  });
});
