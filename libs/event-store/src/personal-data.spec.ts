import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
import { EventStore, Keyring, leafHash, type AppendEntry, type RecordedEvent } from './index.js';
import { seal, unseal } from './keys.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

let database: TestDatabase;
let owner: pg.Client;
const opened: EventStore[] = [];
const open = async (masterKey = MASTER_KEY): Promise<EventStore> => {
  const store = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(masterKey), where });
  opened.push(store);
  return store;
};
beforeAll(async () => {
  database = await testDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await Promise.all(opened.map((store) => store.close()));
  await database.stop();
});

const secret = { goal: 'buy a ring for Ann', input: { size: 52 } };
const read = (store: EventStore, stream: AppendEntry['stream']): Promise<RecordedEvent[]> =>
  store.readStream({ tenant: 'default', stream, decrypt: true });
const storedBytes = async (stream: AppendEntry['stream']): Promise<{ canonical: Buffer; leaf_hash: Buffer }[]> =>
  (
    await owner.query<{ canonical: Buffer; leaf_hash: Buffer }>(
      'SELECT canonical, leaf_hash FROM es.event WHERE stream_id = $1 ORDER BY version',
      [stream.id],
    )
  ).rows;

describe('personal data', () => {
  it('is stored encrypted, read back on demand by any process, and named', async () => {
    const store = await open();
    const stream = newStream();
    const appended = await store.append(entryFor(stream, 'no-stream', 2, { pattern: 'direct' }, secret));
    expect(appended).toMatchObject({ ok: true, events: [{ personal: secret, personalFields: ['goal', 'input'] }, {}] });
    expect(await read(await open(), stream)).toMatchObject([{ personal: secret, data: { pattern: 'direct' } }, { personal: secret }]);
    const [event] = await store.readStream({ tenant: 'default', stream });
    expect(event).toMatchObject({ personalFields: ['goal', 'input'] });
    expect(event).not.toHaveProperty('personal');
    for (const { canonical } of await storedBytes(stream)) expect(canonical.toString()).not.toContain('ring');
  });

  it('of one stream has one key, whoever writes and whenever the first such event comes', async () => {
    const [a, b] = [await open(), await open()];
    const stream = newStream();
    await a.append(entryFor(stream, 0));
    await Promise.all([a.append(entryFor(stream, 1, 1, {}, secret)), a.append(entryFor(stream, 2, 1, {}, secret))]);
    await b.append(entryFor(stream, 3, 1, {}, secret));
    await a.append(entryFor(stream, 4, 1, {}, secret));
    expect((await read(await open(), stream)).map(({ personal }) => personal)).toEqual([undefined, secret, secret, secret, secret]);
  });

  it('of a refused first append leaves no key behind that later events would use', async () => {
    const [a, b] = [await open(), await open()];
    const stream = newStream();
    await a.append(entryFor(stream, 'no-stream', 1, {}, secret));
    const results = await Promise.all([
      b.append(entryFor(stream, 'no-stream', 1, { n: 1 }, secret)),
      b.append(entryFor(stream, 1, 1, { n: 2 }, secret)),
    ]);
    expect(results.map(({ ok }) => ok)).toContain(false);
    await b.append({ ...entryFor(stream, 'any', 1, { n: 3 }, secret) });
    for (const event of await read(await open(), stream)) expect(event.personal).toEqual(secret);
  });

  it('of a data subject has the subject’s key in every stream', async () => {
    const store = await open();
    const streams = [newStream(), newStream()];
    const results = await Promise.all(
      streams.map((stream) => store.append({ ...entryFor(stream, 'no-stream', 1, {}, secret), dataSubject: 'ann@example.org' })),
    );
    expect(results.every(({ ok }) => ok)).toBe(true);
    const { rows } = await owner.query('SELECT subject FROM es.subject_key');
    expect(rows).toHaveLength(1);
    await owner.query('UPDATE es.subject_key SET wrapped_key = NULL');
    for (const stream of streams) expect(await read(await open(), stream)).toMatchObject([{ personal: { erased: true } }]);
    const later = newStream();
    const restarted = await open();
    await restarted.append({ ...entryFor(later, 'no-stream', 1, {}, secret), dataSubject: 'ann@example.org' });
    expect(await read(restarted, later)).toMatchObject([{ personal: secret }]);
  });

  it('is gone with its key, and no leaf changes', async () => {
    const store = await open();
    const stream = newStream();
    await store.append(entryFor(stream, 'no-stream', 1, { kept: true }, secret));
    const before = await storedBytes(stream);
    await owner.query('UPDATE es.stream SET data_key = NULL WHERE id = $1', [stream.id]);
    expect(await read(await open(), stream)).toMatchObject([{ personal: { erased: true }, data: { kept: true } }]);
    // This process still knows the key that was destroyed; what it writes is under a new one, and the old event stays closed.
    expect(await store.append(entryFor(stream, 1, 1, {}, secret))).toMatchObject({ ok: true });
    expect((await read(await open(), stream)).map(({ personal }) => personal)).toEqual([{ erased: true }, secret]);
    const after = await storedBytes(stream);
    expect(after[0]).toEqual(before[0]);
    for (const { canonical, leaf_hash } of after) expect(leaf_hash.equals(leafHash(canonical))).toBe(true);
  });

  it('does not open under another master key', async () => {
    const stream = newStream();
    await (await open()).append(entryFor(stream, 'no-stream', 1, {}, secret));
    await expect(read(await open('43'.repeat(32)), stream)).rejects.toMatchObject({ code: 'WRONG_MASTER_KEY' });
  });
});

describe('Keyring', () => {
  const keyring = new Keyring(MASTER_KEY);
  it('refuses what is no key', () => expect(() => new Keyring('abc')).toThrow('32 bytes'));
  it('derives the same ids and digests from the same master key only', () => {
    const other = new Keyring('43'.repeat(32));
    expect(keyring.leaseId(['d', 'a', 1])).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    expect(keyring.leaseId(['d', 'a', 1])).toBe(new Keyring(MASTER_KEY).leaseId(['d', 'a', 1]));
    expect(keyring.leaseId(['d', 'a', 1])).not.toBe(keyring.leaseId(['d', 'a1']));
    expect(keyring.digest('x').equals(other.digest('x'))).toBe(false);
    expect(keyring.blindIndex('t', 'ann').equals(keyring.blindIndex('u', 'ann'))).toBe(false);
  });
  it('opens a blob only in its own context and unchanged', () => {
    const { key } = keyring.newDataKey();
    const sealed = seal(key, Buffer.from('text'), 'log|event');
    expect(unseal(key, sealed, 'log|event').toString()).toBe('text');
    expect(() => unseal(key, sealed, 'log|other')).toThrow();
    sealed[14] = (sealed[14] as number) ^ 1;
    expect(() => unseal(key, sealed, 'log|event')).toThrow();
  });
});
