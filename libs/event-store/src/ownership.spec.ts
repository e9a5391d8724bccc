import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, until, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
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

const fenced = (index: number, epoch: number): AppendEntry => ({ ...entryFor(newStream(), 'no-stream'), partition: { index, epoch } });

describe('partitions', () => {
  it('are shared evenly, kept by renewal, and free after release', async () => {
    expect(await store.claimPartitions('a', 5_000)).toHaveLength(16);
    expect(await store.claimPartitions('b', 5_000)).toHaveLength(0);
    const keptByA = await store.claimPartitions('a', 5_000);
    expect(keptByA).toHaveLength(8);
    const takenByB = await store.claimPartitions('b', 5_000);
    expect(takenByB.map(({ epoch }) => epoch)).toEqual(Array(8).fill(2));
    expect(await store.claimPartitions('a', 5_000)).toEqual(keptByA);
    await store.releasePartitions('a');
    expect(await store.claimPartitions('b', 5_000)).toHaveLength(16);
    await store.releasePartitions('b');
  });

  it('go to another when the lease ends, and the old epoch appends nothing more', async () => {
    const [owned] = await store.claimPartitions('dies', 1);
    if (!owned) throw new Error('no partition');
    expect(await store.append(fenced(owned.partition, owned.epoch))).toMatchObject({ ok: true });
    const taken = await until(
      async () => (await store.claimPartitions('heir', 5_000)).find(({ partition }) => partition === owned.partition),
      { what: 'the takeover' },
    );
    expect(taken.epoch).toBe(owned.epoch + 1);
    expect(await store.append(fenced(owned.partition, owned.epoch))).toMatchObject({ ok: false, code: 'FENCED' });
    expect(await store.append({ ...fenced(owned.partition, owned.epoch), events: [] })).toMatchObject({ ok: false, code: 'FENCED' });
    expect(await store.append(fenced(owned.partition, taken.epoch))).toMatchObject({ ok: true });
    await store.releasePartitions('heir');
    await store.releasePartitions('dies');
  });

  it('change hands under the lock of the head: nothing of the old epoch lies behind the takeover', async () => {
    const [owned] = await store.claimPartitions('racer', 1);
    if (!owned) throw new Error('no partition');
    const rival = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where });
    let sizeAtTakeover = Infinity;
    const takeover = until(() => rival.claimPartitions('rival', 5_000).then((got) => got.length === 16), { what: 'the takeover' }).then(
      async () => {
        sizeAtTakeover = (await rival.head()).size;
      },
    );
    const positions: number[] = [];
    for (let refused = false; !refused;) {
      const results = await Promise.all(Array.from({ length: 20 }, () => store.append(fenced(owned.partition, owned.epoch))));
      for (const result of results) if (result.ok) positions.push(result.lastPosition);
      refused = results.some(({ ok }) => !ok);
    }
    await takeover;
    expect(positions.every((position) => position <= sizeAtTakeover)).toBe(true);
    await rival.close();
    await store.releasePartitions('rival');
    await store.releasePartitions('racer');
  });

  it('wait for an append that holds the head', async () => {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM es.log WHERE log_id = 1 FOR UPDATE');
    let claimed = false;
    const claim = store.claimPartitions('patient', 5_000).then(() => (claimed = true));
    await until(
      async () =>
        (await holder.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")).rowCount,
      { what: 'the claim to wait' },
    );
    expect(claimed).toBe(false);
    await holder.query('COMMIT');
    await claim;
    await holder.end();
    await store.releasePartitions('patient');
  });
});

describe('named leases', () => {
  it('have one holder, an epoch that grows, and a way to void it', async () => {
    expect(await store.claimLease('publisher', 'a', 5_000)).toEqual({ epoch: 1 });
    expect(await store.claimLease('publisher', 'b', 5_000)).toBeNull();
    expect(await store.claimLease('publisher', 'a', 5_000)).toEqual({ epoch: 1 });
    expect(await store.claimLease('publisher', 'a', 5_000, { raiseEpoch: true })).toEqual({ epoch: 2 });
    await store.releaseLease('publisher', 'b');
    expect(await store.claimLease('publisher', 'b', 5_000)).toBeNull();
    await store.releaseLease('publisher', 'a');
    expect(await store.claimLease('publisher', 'b', 5_000)).toEqual({ epoch: 3 });
  });

  it('fence grants of a scheduler that was replaced', async () => {
    const lease = await store.claimLease('scheduler', 'old', 5_000);
    const granted = (schedulerEpoch: number): AppendEntry => ({
      ...entryFor(newStream(), 'no-stream'),
      slots: { schedulerEpoch, acquire: [{ stepId: 'a', attempt: 1, lease: 1, instance: 'w', capability: 'search' }] },
    });
    expect(await store.append(granted(lease?.epoch ?? 0))).toMatchObject({ ok: true });
    await store.claimLease('scheduler', 'old', 5_000, { raiseEpoch: true });
    expect(await store.append(granted(lease?.epoch ?? 0))).toMatchObject({ ok: false, code: 'SCHEDULER_FENCED' });
    expect(await store.slots({ instance: 'w' })).toHaveLength(1);
  });
});
