import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { EventStore, Keyring, type AppendEntry } from './index.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

let database: TestDatabase;
let store: EventStore;
beforeAll(async () => {
  database = await testDatabase();
  store = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where });
});
afterAll(async () => {
  await store.close();
  await database.stop();
});

const appendTo = (stream: AppendEntry['stream'], expected: AppendEntry['expected'], count = 1) =>
  store.append(entryFor(stream, expected, count));

describe('expected versions', () => {
  it('no-stream starts a stream once', async () => {
    const stream = newStream();
    expect(await appendTo(stream, 'no-stream', 2)).toMatchObject({ ok: true, version: 2, duplicate: false });
    expect(await store.append(entryFor(stream, 'no-stream', 1, { n: 'other' }))).toMatchObject({
      ok: false,
      code: 'VERSION_CONFLICT',
      currentVersion: 2,
    });
  });

  it('a number must be the version', async () => {
    const stream = newStream();
    await appendTo(stream, 0);
    expect(await appendTo(stream, 1)).toMatchObject({ ok: true, version: 2 });
    expect(await store.append(entryFor(stream, 1, 1, { n: 'other' }))).toMatchObject({
      ok: false,
      code: 'VERSION_CONFLICT',
      currentVersion: 2,
    });
    expect(await appendTo(stream, 5)).toMatchObject({ ok: false, code: 'VERSION_CONFLICT', currentVersion: 2 });
  });

  it('stream-exists refuses to start one', async () => {
    const stream = newStream();
    expect(await appendTo(stream, 'stream-exists')).toMatchObject({ ok: false, code: 'VERSION_CONFLICT', currentVersion: 0 });
    await appendTo(stream, 'no-stream');
    expect(await appendTo(stream, 'stream-exists')).toMatchObject({ ok: true, version: 2 });
  });

  it('any takes whatever is there, from many callers at once', async () => {
    const stream = newStream();
    const other = await EventStore.open({
      databaseUrl: database.url,
      keyring: new Keyring(MASTER_KEY),
      where: { ...where, instance: 'other' },
    });
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, n) => (n % 2 ? store : other).append(entryFor(stream, 'any', 1, { n }))),
    );
    expect(results.every(({ ok }) => ok)).toBe(true);
    const events = await store.readStream({ tenant: 'default', stream });
    expect(events.map(({ version }) => version)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    expect(new Set(events.map(({ data }) => data['n'])).size).toBe(40);
    await other.close();
  });

  it('checks without events', async () => {
    const stream = newStream();
    expect(await appendTo(stream, 'no-stream', 0)).toMatchObject({ ok: true, version: 0, firstPosition: 0 });
    expect(await appendTo(stream, 'stream-exists', 0)).toMatchObject({ ok: false });
    await appendTo(stream, 'no-stream');
    expect(await appendTo(stream, 'no-stream', 0)).toMatchObject({ ok: false });
    expect(await appendTo(stream, 1, 0)).toMatchObject({ ok: true, version: 1 });
    expect(await appendTo(stream, 'stream-exists', 0)).toMatchObject({ ok: true });
    expect(await appendTo(stream, 'any', 0)).toMatchObject({ ok: true });
    expect(await store.readStream({ tenant: 'default', stream })).toHaveLength(1);
  });
});

describe('a batch', () => {
  it('refuses only the entries that conflict, and positions stay contiguous', async () => {
    const streams = Array.from({ length: 8 }, () => newStream());
    const before = await store.head();
    const results = await Promise.all(streams.map((stream, i) => appendTo(stream, i % 3 === 2 ? 7 : 'no-stream', 3)));
    expect(results.map(({ ok }) => ok)).toEqual([true, true, false, true, true, false, true, true]);
    const positions = results.flatMap((result) => (result.ok ? result.events.map(({ position }) => position) : []));
    expect(positions).toEqual(Array.from({ length: 18 }, (_, i) => before.size + i + 1));
    for (const [i, result] of results.entries()) {
      const stored = await store.readStream({ tenant: 'default', stream: streams[i] as AppendEntry['stream'] });
      expect(stored).toEqual(result.ok ? result.events : []);
    }
  });

  it('refuses of streams that begin only those whose id or idempotency key is taken, and leaves nothing of them', async () => {
    const begin = (stream: AppendEntry['stream'], key: string): AppendEntry => ({
      ...entryFor(stream, 'no-stream', 2),
      request: { digest: Buffer.alloc(32, key), idempotency: { principal: 'ann', key } },
    });
    const [taken, ...streams] = Array.from({ length: 4 }, () => newStream()) as [AppendEntry['stream'], ...AppendEntry['stream'][]];
    const [a, b, c] = streams as [AppendEntry['stream'], AppendEntry['stream'], AppendEntry['stream']];
    await store.append(begin(taken, 'begun'));
    const { size } = await store.head();
    const results = await Promise.all(
      [begin(a, 'a'), begin(taken, 'other'), begin(b, 'begun'), begin(c, 'c')].map((entry) => store.append(entry)),
    );
    expect(results.map((result) => (result.ok ? result.firstPosition - size : result.code))).toEqual([
      1,
      'IDEMPOTENCY_CONFLICT',
      'IDEMPOTENT_REPEAT',
      3,
    ]);
    expect(await store.findStream('default', b)).toBeNull();
    expect(await store.findRequest('default', 'ann', 'other')).toBeNull();
    expect(await store.readStream({ tenant: 'default', stream: c })).toMatchObject([{ position: size + 3 }, { position: size + 4 }]);
  });

  it('takes several entries of one stream, each after the one before', async () => {
    const stream = newStream();
    const other = newStream();
    const results = await Promise.all([
      appendTo(stream, 'no-stream', 2),
      appendTo(other, 'no-stream'),
      appendTo(stream, 2),
      appendTo(stream, 3, 2),
      appendTo(stream, 9),
    ]);
    expect(results.map((result) => (result.ok ? result.version : result.code))).toEqual([2, 1, 3, 5, 'VERSION_CONFLICT']);
    expect((await store.readStream({ tenant: 'default', stream })).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses what follows a refused entry of the same stream', async () => {
    const stream = newStream();
    const results = await Promise.all([appendTo(stream, 4), appendTo(stream, 5), appendTo(newStream(), 'no-stream')]);
    expect(results.map(({ ok }) => ok)).toEqual([false, false, true]);
    expect(await store.findStream('default', stream)).toBeNull();
  });

  it('keeps one entry that PostgreSQL refuses from failing the others', async () => {
    const bad = {
      ...entryFor(newStream(), 'no-stream'),
      partition: { index: 3, epoch: 0 },
      slots: { acquire: [{ stepId: 'a', attempt: 2 ** 40, lease: 1, instance: 'w', capability: 'c' }] },
    };
    const [refused, good] = await Promise.allSettled([store.append(bad), appendTo(newStream(), 'no-stream')]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'STORE_REFUSED' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { ok: true } });
  });

  it('refuses what cannot be stored before it reaches the batch', async () => {
    await expect(store.append({ ...entryFor(newStream(), 'no-stream'), correlationId: 'a\0b' })).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
    await expect(appendTo(newStream(), -3)).rejects.toMatchObject({ code: 'INVALID_EVENT' });
  });
});

describe('two calls at a time', () => {
  it('keep the order of every stream, and listeners hear of events in the order of positions', async () => {
    const streams = Array.from({ length: 40 }, () => newStream());
    const heard: number[] = [];
    const stop = store.onCommitted((events) => heard.push(...events.map(({ position }) => position)));
    const appends = Array.from({ length: 400 }, (_, i) => appendTo(streams[(i * 7) % 40] as AppendEntry['stream'], Math.floor(i / 40)));
    const results = await Promise.all(appends);
    stop();
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(heard).toEqual(Array.from({ length: 400 }, (_, i) => (heard[0] as number) + i));
  });

  it('make a refused one again before what follows it in its streams', async () => {
    const streams = Array.from({ length: 32 }, () => newStream());
    const bad = {
      ...entryFor(newStream(), 'no-stream'),
      partition: { index: 3, epoch: 0 },
      slots: { acquire: [{ stepId: 'a', attempt: 2 ** 40, lease: 1, instance: 'w', capability: 'c' }] },
    };
    const refused = expect(store.append(bad)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    const results = await Promise.all([0, 1].flatMap((version) => streams.map((stream) => appendTo(stream, version))));
    await refused;
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  });
});

describe('the same append again', () => {
  it('is recognised by its bytes, encrypted ones too, and stored once', async () => {
    const entry = entryFor(newStream(), 'no-stream', 2, {}, { goal: 'secret' });
    const first = await store.append(entry);
    const again = await store.append(entry);
    expect(first).toMatchObject({ ok: true, duplicate: false });
    expect(again).toEqual({ ...first, duplicate: true });
    const restarted = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where });
    expect(await restarted.append(entry)).toEqual({ ...first, duplicate: true });
    await restarted.close();
    expect(await store.readStream({ tenant: 'default', stream: entry.stream })).toHaveLength(2);
  });

  it('is a conflict when one word differs', async () => {
    const stream = newStream();
    await store.append(entryFor(stream, 'no-stream', 1, { word: 'a' }));
    expect(await store.append(entryFor(stream, 'no-stream', 1, { word: 'b' }))).toMatchObject({ ok: false, code: 'VERSION_CONFLICT' });
  });
});
