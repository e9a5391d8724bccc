import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, until, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
import {
  AppendSignal,
  EventStore,
  Keyring,
  rebuildProjection,
  runProjection,
  runReactor,
  type Projection,
  type Subscription,
  type SubscriptionOptions,
} from './index.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

let database: TestDatabase;
let store: EventStore;
let signal: AppendSignal;
let owner: pg.Client;
let errors: string[];
let running: Subscription[];
beforeEach(async () => {
  database = await testDatabase();
  store = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where });
  signal = await AppendSignal.start(store, database.url);
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  await owner.query(
    'CREATE TABLE seen (position bigint PRIMARY KEY, n int); CREATE TABLE seen_beside (position bigint PRIMARY KEY, n int)',
  );
  errors = [];
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((subscription) => subscription.stop()));
  await signal.stop();
  await store.close();
  await owner.end();
  await database.stop();
});

const options = (name: string, more: Partial<SubscriptionOptions> = {}): SubscriptionOptions => ({
  store,
  signal,
  owner: name,
  leaseTtlMs: 600,
  pollMs: 100,
  retryMs: 5,
  onError: ({ code }) => errors.push(code),
  ...more,
});
const track = (subscription: Subscription): Subscription => {
  running.push(subscription);
  return subscription;
};
const projectInto = (name: string, table: string, poison = -1): Projection => ({
  name,
  project: async (query, events) => {
    for (const event of events) {
      if (event.position === poison) throw new Error('poison');
      await query(`INSERT INTO ${table} VALUES ($1, 1)`, [event.position]);
    }
  },
});
const append = (count: number): Promise<unknown> => store.append(entryFor(newStream(), 'no-stream', count));
const positions = async (table = 'seen'): Promise<number[]> =>
  (await owner.query<{ position: string }>(`SELECT position FROM ${table} ORDER BY position`)).rows.map(({ position }) => Number(position));
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const reaches = (subscription: Subscription, position: number): Promise<unknown> =>
  until(() => subscription.position >= position, { what: `position ${position}` });

describe('a projection', () => {
  it('takes each event once, across batches and restarts', async () => {
    await append(7);
    const first = track(runProjection(projectInto('list', 'seen'), options('a', { batchSize: 3 })));
    await reaches(first, 7);
    await first.stop();
    await append(5);
    const second = track(runProjection(projectInto('list', 'seen'), options('b')));
    await append(1);
    await reaches(second, 13);
    expect(await positions()).toEqual(upTo(13));
    expect(errors).toEqual([]);
  });

  it('writes nothing as a zombie: its checkpoint has moved', async () => {
    await append(2);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const zombie = track(
      runProjection(
        {
          ...projectInto('list', 'seen'),
          project: async (query, events) => (await held, projectInto('list', 'seen').project(query, events)),
        },
        options('zombie', { leaseTtlMs: 60_000 }),
      ),
    );
    await until(
      async () =>
        (await owner.query("SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()")).rowCount,
      { what: 'the zombie to stand in its transaction' },
    );
    // The heir finds the row locked by the zombie, so it is moved as an operator would after the lease ended.
    const moving = owner.query("UPDATE es.checkpoint SET position = 2 WHERE subscription = 'list'");
    release();
    await moving;
    await zombie.stop();
    const late = track(runProjection(projectInto('late', 'seen_beside'), options('late')));
    await reaches(late, 2);
    await owner.query("UPDATE es.checkpoint SET position = 1 WHERE subscription = 'late'");
    await append(1);
    await until(() => errors.includes('CHECKPOINT_MOVED'), { what: 'the refusal' });
    expect((await positions('seen_beside')).filter((position) => position === 3)).toHaveLength(0);
  });

  it('stops at a poison event, or parks it and goes on, as told', async () => {
    await append(6);
    const halting = track(runProjection(projectInto('halting', 'seen', 4), options('a', { maxAttempts: 2 })));
    await until(() => halting.state === 'halted', { what: 'the halt' });
    expect(await positions()).toEqual([1, 2, 3]);
    expect(errors).toContain('POISON_EVENT');
    const parked: number[] = [];
    const park = async ({ position }: { position: number }): Promise<void> => void parked.push(position);
    const parking = track(
      runProjection(projectInto('parking', 'seen_beside', 4), options('b', { maxAttempts: 2, poison: { policy: 'park', park } })),
    );
    await reaches(parking, 6);
    expect(await positions('seen_beside')).toEqual([1, 2, 3, 5, 6]);
    expect(parked).toEqual([4]);
  });

  it('is rebuilt beside the live one and swapped, which goes on behind it', async () => {
    await append(10);
    const live = track(runProjection(projectInto('list', 'seen'), options('a')));
    await reaches(live, 10);
    await rebuildProjection({
      store,
      shadow: projectInto('list-rebuild', 'seen_beside'),
      live: 'list',
      batchSize: 4,
      swap: async (query) => {
        await query('ALTER TABLE seen RENAME TO seen_before', []);
        await query('ALTER TABLE seen_beside RENAME TO seen', []);
      },
    });
    await append(3);
    await reaches(live, 13);
    expect(await positions()).toEqual(upTo(13));
    expect(await positions('seen_before')).toEqual(upTo(10));
    expect((await owner.query("SELECT FROM es.checkpoint WHERE subscription = 'list-rebuild'")).rowCount).toBe(0);
  });
});

describe('a reactor', () => {
  it('repeats what failed until it is done, then moves on, and sees only its types', async () => {
    await append(2);
    const entry = entryFor(newStream(), 'no-stream', 1, {}, { goal: 'g' });
    await store.append({ ...entry, events: entry.events.map((event) => ({ ...event, type: 'dev.mandate.delegation.failed.v1' })) });
    let failures = 2;
    const seen: unknown[] = [];
    const reactor = track(
      runReactor(
        {
          name: 'mail',
          types: ['dev.mandate.delegation.failed.v1'],
          decrypt: true,
          react: async (events) => {
            if (failures-- > 0) throw new Error('mail server away');
            seen.push(...events.map(({ personal }) => personal));
          },
        },
        options('a'),
      ),
    );
    await reaches(reactor, 3);
    expect(seen).toEqual([{ goal: 'g' }]);
    expect(errors).toEqual(['SUBSCRIPTION_FAILED', 'SUBSCRIPTION_FAILED']);
  });
});
