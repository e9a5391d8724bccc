import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeClock, testDatabase, type TestDatabase } from '@mandate/testing';
import { destroyKeys, EventStore, Keyring, kidsOfSubject, leafHash, Snapshots, type StreamId } from './index.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

const SUBJECT = 'ann@example.org';
const secret = { goal: 'buy a ring for Ann' };
const keyring = new Keyring(MASTER_KEY);
const subject = keyring.blindIndex('default', SUBJECT);
const clock = new FakeClock();

let database: TestDatabase;
let store: EventStore;
beforeAll(async () => {
  database = await testDatabase();
  store = await EventStore.open({ databaseUrl: database.url, keyring, where, clock });
});
afterAll(async () => {
  await store.close();
  await database.stop();
});

const add = async (stream: StreamId, expected: 'no-stream' | number, dataSubject?: string): Promise<void> => {
  const result = await store.append({ ...entryFor(stream, expected, 1, {}, secret), ...(dataSubject ? { dataSubject } : {}) });
  expect(result.ok).toBe(true);
};
const personalOf = async (stream: StreamId): Promise<unknown[]> =>
  (await store.readStream({ tenant: 'default', stream, decrypt: true })).map(({ personal }) => personal);
const erase = async (delegations: string[] = []): Promise<unknown> =>
  destroyKeys(store.database, {
    tenant: 'default',
    subject,
    kids: await kidsOfSubject(store.database, 'default', subject),
    delegations,
  });

describe('an erasure', () => {
  it('closes what a person’s keys and those of the delegations sealed, and nothing else; a second time there is nothing to do', async () => {
    const [own, other] = [newStream(), newStream()];
    await add(own, 'no-stream', SUBJECT);
    await add(own, 1);
    await add(other, 'no-stream');
    await new Snapshots(store.database, keyring, 'r').save('default', own, { version: 2, state: { goal: secret.goal } });
    expect(await erase([own.id])).toEqual({ subjectKeys: 1, streamKeys: 1, snapshots: 1 });
    store.forgetKeys();
    expect(await personalOf(own)).toEqual([{ erased: true }, { erased: true }]);
    expect(await personalOf(other)).toEqual([secret]);
    expect(await erase([own.id])).toEqual({ subjectKeys: 0, streamKeys: 0, snapshots: 0 });
    const events = await store.database.query({ name: 'leaves', text: 'SELECT canonical, leaf_hash FROM es.event' });
    for (const row of events) expect((row['leaf_hash'] as Buffer).equals(leafHash(row['canonical'] as Buffer))).toBe(true);
  });

  it('spares a key that the same person got later', async () => {
    const [before, after] = [newStream(), newStream()];
    await add(before, 'no-stream', SUBJECT);
    const kids = await kidsOfSubject(store.database, 'default', subject);
    await erase();
    store.forgetKeys();
    await add(after, 'no-stream', SUBJECT);
    expect(await destroyKeys(store.database, { tenant: 'default', subject, kids, delegations: [] })).toMatchObject({ subjectKeys: 0 });
    expect([...(await personalOf(before)), ...(await personalOf(after))]).toEqual([{ erased: true }, secret]);
  });

  it('reaches a process that nobody told within a minute', async () => {
    const stream = newStream();
    await add(stream, 'no-stream');
    await erase([stream.id]);
    expect(await personalOf(stream)).toEqual([secret]);
    clock.advance(60_000);
    expect(await personalOf(stream)).toEqual([{ erased: true }]);
  });
});
