import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { EventStore, Keyring, type AppendEntry } from './index.js';
import { AT, entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

const keyring = new Keyring(MASTER_KEY);
const now = Date.parse(AT);
const minutes = (n: number): Date => new Date(now + n * 60_000);
let current = now;
let database: TestDatabase;
let store: EventStore;
beforeAll(async () => {
  database = await testDatabase();
  store = await EventStore.open({ databaseUrl: database.url, keyring, where, clock: { now: () => current } });
});
afterAll(async () => {
  await store.close();
  await database.stop();
});

describe('a request', () => {
  const request = (body: string, key?: string): AppendEntry => ({
    ...entryFor(newStream(), 'no-stream', 1, { body }),
    request: { digest: keyring.digest(body), ...(key === undefined ? {} : { idempotency: { principal: 'ann', key } }) },
  });

  it('of the same id is registered once, and another of that id is a conflict', async () => {
    const first = request('a');
    await store.append(first);
    const again = { ...first, causationId: 'redelivered' };
    expect(await store.append(again)).toMatchObject({
      ok: false,
      code: 'IDEMPOTENT_REPEAT',
      existing: { ...first.stream, tenant: 'default' },
    });
    expect(await store.append({ ...again, request: { digest: keyring.digest('b') } })).toMatchObject({
      ok: false,
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect((await store.findStream('default', first.stream))?.requestDigest).toEqual(keyring.digest('a'));
  });

  it('of the same key is registered once, in one batch too, and another of that key is a conflict', async () => {
    const entries = [request('a', 'k'), request('a', 'k'), request('b', 'k')];
    const results = await Promise.all(entries.map((entry) => store.append(entry)));
    expect(results.map((result) => (result.ok ? 'ok' : result.code))).toEqual(['ok', 'IDEMPOTENT_REPEAT', 'IDEMPOTENCY_CONFLICT']);
    expect(results[1]).toMatchObject({ existing: entries[0]?.stream });
    expect(await store.findRequest('default', 'ann', 'k')).toEqual({ digest: keyring.digest('a'), stream: entries[0]?.stream });
    expect(await store.findRequest('default', 'eve', 'k')).toBeNull();
  });
});

describe('timers', () => {
  const timed = (stream: AppendEntry['stream'], expected: number, wakeAt: Date | null, open = true): AppendEntry => ({
    ...entryFor(stream, expected, 1),
    partition: { index: 5, epoch: 0 },
    wakeAt,
    open,
  });
  const due = async (at: Date): Promise<string[]> => (await store.dueTimers([5], at, 10)).map(({ stream }) => stream.id);

  it('come when due, move only forward in time until they passed, and end with the stream', async () => {
    const stream = newStream();
    await store.append(timed(stream, 0, minutes(10)));
    expect(await due(minutes(9))).toEqual([]);
    expect(await due(minutes(10))).toEqual([stream.id]);
    await store.append(timed(stream, 1, minutes(20)));
    expect(await due(minutes(10))).toEqual([stream.id]);
    await store.append(timed(stream, 2, minutes(5)));
    expect(await due(minutes(5))).toEqual([stream.id]);
    current = now + 6 * 60_000;
    await store.append({ ...timed(stream, 3, minutes(30)), events: [] });
    expect(await due(minutes(29))).toEqual([]);
    expect((await store.openStreams([5], 10)).map(({ version }) => version)).toEqual([3]);
    await store.append(timed(stream, 3, null, false));
    expect(await due(minutes(60))).toEqual([]);
    expect(await store.openStreams([5], 10)).toEqual([]);
    expect(await store.dueTimers([4], minutes(60), 10)).toEqual([]);
  });
});

describe('slots and waiting steps', () => {
  const acquire = (stepId: string, attempt = 1) => ({ stepId, attempt, lease: 1, instance: 'w-1', capability: 'search' });

  it('change with the append, in the order of the entries', async () => {
    const stream = newStream();
    const at = (expected: number, rest: Partial<AppendEntry>): Promise<unknown> =>
      store.append({ ...entryFor(stream, expected), partition: { index: 3, epoch: 0 }, ...rest });
    await Promise.all([
      at(0, {
        slots: { acquire: [acquire('a'), acquire('b')] },
        waiting: {
          add: [
            { stepId: 'c', attempt: 1, capability: 'write', urgency: 1 },
            { stepId: 'd', attempt: 1, capability: 'write', urgency: 2 },
          ],
        },
      }),
      at(1, { slots: { release: ['a'] } }),
      at(2, { slots: { release: ['b'], acquire: [acquire('b', 2), acquire('c')] }, waiting: { remove: ['c'] } }),
    ]);
    const held = await store.slots({ partition: 3 });
    expect(held.map(({ stepId, attempt }) => [stepId, attempt]).sort()).toEqual([
      ['b', 2],
      ['c', 1],
    ]);
    expect(held[0]).toMatchObject({ tenant: 'default', delegationId: stream.id, instance: 'w-1', capability: 'search', partition: 3 });
    expect(await store.waitingOf('default', stream)).toEqual(['d']);
    expect(await store.waitingKeys()).toEqual([{ tenant: 'default', capability: 'write' }]);
    await at(9, { slots: { release: ['b', 'c'] }, waiting: { remove: ['d'] } });
    expect(await store.slots({ instance: 'w-1' })).toHaveLength(2);
    await at(3, { events: [], slots: { release: ['b', 'c'] }, waiting: { remove: ['d'] } });
    expect(await store.slots({ instance: 'w-1' })).toEqual([]);
    expect(await store.waitingKeys()).toEqual([]);
  });

  it('are handed out to who waits longest', async () => {
    const streams = [newStream(), newStream(), newStream()];
    for (const stream of streams)
      await store.append({ ...entryFor(stream, 0), waiting: { add: [{ stepId: 'a', attempt: 1, capability: 'rank', urgency: 5 }] } });
    await store.append({ ...entryFor(newStream(), 0), waiting: { add: [{ stepId: 'a', attempt: 1, capability: 'other', urgency: 5 }] } });
    expect((await store.waitingHead('default', 'rank', 2)).map(({ delegationId }) => delegationId)).toEqual(
      streams.slice(0, 2).map(({ id }) => id),
    );
    expect((await store.waitingKeys()).map(({ capability }) => capability)).toEqual(['other', 'rank']);
  });

  it('are handed out by urgency, and each key shows its most urgent one', async () => {
    const waits: [stepId: string, urgency: number, key: string | null][] = [
      ['a', 30, 'k1'],
      ['b', 10, 'k1'],
      ['c', 20, 'k2'],
      ['d', 40, null],
      ['e', -5, 'k3'],
    ];
    const stream = newStream();
    const add = waits.map(([stepId, urgency, key]) => ({ stepId, attempt: 0, capability: 'keyed', urgency, key }));
    await store.append({ ...entryFor(stream, 0), waiting: { add } });
    const ids = (rows: { stepId: string }[]): string => rows.map(({ stepId }) => stepId).join('');
    const head = await store.waitingHead('default', 'keyed', 10);
    expect(ids(head)).toBe('ebcad');
    expect(ids(await store.waitingHead('default', 'keyed', 2, head[1]))).toBe('ca');
    expect(ids(await store.waitingKeyHeads('default', 'keyed', 10))).toBe('ebcd');
    expect(ids(await store.waitingKeyHeads('default', 'keyed', 2))).toBe('bcd');
    expect(await Promise.all(head.map((row) => store.waitingBefore(row)))).toEqual([0, 1, 2, 3, 4]);
    expect(
      ids(await store.waitingSteps('default', stream.id))
        .split('')
        .sort()
        .join(''),
    ).toBe('abcde');
  });
});
