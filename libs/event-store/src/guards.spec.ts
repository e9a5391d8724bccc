import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
import { EventStore, Keyring, migrate } from './index.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

const user = `spec_${randomBytes(4).toString('hex')}`;
const password = 'it-is-a-"test\'';
let database: TestDatabase;
let owner: pg.Client;
let serviceUrl: string;
let service: pg.Client;
beforeAll(async () => {
  database = await testDatabase();
  await migrate(database.url, { serviceLogin: { user, password, role: 'mandate_service' } });
  owner = new pg.Client({ connectionString: database.url });
  const url = new URL(database.url);
  url.username = user;
  url.password = encodeURIComponent(password);
  serviceUrl = url.href;
  service = new pg.Client({ connectionString: serviceUrl });
  await Promise.all([owner.connect(), service.connect()]);
});
afterAll(async () => {
  await service.end();
  await owner.query(`DROP ROLE ${user}`);
  await owner.end();
  await database.stop();
});

describe('a service', () => {
  it('appends, reads and owns with its few rights', async () => {
    const store = await EventStore.open({ databaseUrl: serviceUrl, keyring: new Keyring(MASTER_KEY), where });
    const stream = newStream();
    expect(await store.append({ ...entryFor(stream, 'no-stream', 1, {}, { goal: 'g' }), dataSubject: 'ann' })).toMatchObject({ ok: true });
    expect(await store.readStream({ tenant: 'default', stream, decrypt: true })).toMatchObject([{ personal: { goal: 'g' } }]);
    expect(await store.claimPartitions('spec', 1_000)).toHaveLength(16);
    expect(await store.claimLease('scheduler', 'spec', 1_000)).toEqual({ epoch: 1 });
    await store.maintain();
    await store.close();
  });

  it.each([
    ['INSERT INTO es.event (log_id, position) VALUES (1, 1)'],
    ["UPDATE es.event SET type = 'x'"],
    ['DELETE FROM es.event'],
    ['TRUNCATE es.event'],
    ['DELETE FROM es.event_1'],
    ['UPDATE es.log SET size = 0'],
    ['UPDATE es.stream SET version = 9'],
    ['DELETE FROM es.slot'],
    ['UPDATE es.partition_owner SET epoch = 9'],
    ["SELECT es.guard_events('es.event')"],
    ['UPDATE es.subject_key SET wrapped_key = NULL'],
    ['DELETE FROM es.dead_letter'],
    ['CREATE TABLE es.mine ()'],
  ])('may not: %s', (statement) => expect(service.query(statement)).rejects.toMatchObject({ code: '42501' }));
});

describe('events', () => {
  it.each(['es.event', 'es.event_1'])('refuse changes of %s, whoever asks', async (table) => {
    for (const statement of [`UPDATE ${table} SET type = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
      await expect(owner.query(statement)).rejects.toThrow('append-only');
      await expect(owner.query(`SET session_replication_role = replica; ${statement}`)).rejects.toThrow('append-only');
    }
  });

  it('are guarded in partitions made later, too', async () => {
    await owner.query('SELECT es.ensure_event_partitions()');
    await owner.query('UPDATE es.log SET size = 20000000');
    try {
      expect((await owner.query<{ n: number }>('SELECT es.ensure_event_partitions() AS n')).rows).toEqual([{ n: 1 }]);
      await expect(owner.query('TRUNCATE es.event_20000001')).rejects.toThrow('append-only');
      expect((await owner.query<{ n: number }>('SELECT es.ensure_event_partitions() AS n')).rows).toEqual([{ n: 0 }]);
    } finally {
      await owner.query('UPDATE es.log SET size = 1');
    }
  });
});

it('migrates from several processes at once, and again', async () => {
  const empty = await testDatabase({ template: 'empty' });
  await Promise.all(Array.from({ length: 4 }, () => migrate(empty.url, { serviceLogin: { user, password, role: 'mandate_service' } })));
  await migrate(empty.url);
  const store = await EventStore.open({ databaseUrl: empty.url, keyring: new Keyring(MASTER_KEY), where });
  expect(await store.head()).toMatchObject({ size: 0, epoch: 1 });
  await store.close();
  await owner.query(`REASSIGN OWNED BY ${user} TO CURRENT_USER`);
  await empty.stop();
});
