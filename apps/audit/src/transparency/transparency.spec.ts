/** The signer's rounds on a real log: when it signs, who signs, and tiles that are made anew. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStore, Keyring } from '@mandate/event-store';
import { createLogger } from '@mandate/service-host';
import { FakeClock, testDatabase, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
import { migrateAudit } from '../migrations/index.js';
import { SubjectIndex } from '../erasure/index.js';
import { LogReader } from '../log/log-reader.js';
import { SearchIndex } from '../search/search-index.js';
import { openTransparencyLog, type TransparencyLog } from './index.js';

const caller = { tenant: 'default', principal: 'auditor', traceparent: '' };
const logger = createLogger({ service: 'tests', instance: 'tests-1', level: 'silent' });
const masterKey = '42'.repeat(32);

let database: TestDatabase;
let owner: pg.Client;
let store: EventStore;
let folder: string;
let clock: FakeClock;
let one: TransparencyLog;
let two: TransparencyLog;
beforeAll(async () => {
  database = await testDatabase();
  await migrateAudit(database.url);
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  store = await EventStore.open({
    databaseUrl: database.url,
    keyring: new Keyring(masterKey),
    where: { service: 'tests', instance: 'tests-1' },
  });
  folder = mkdtempSync(join(tmpdir(), 'mandate-transparency-'));
  clock = new FakeClock(Date.parse('2026-11-25T12:00:00.000Z'));
  const index = (): SearchIndex => new SearchIndex(store.database, new LogReader(store.database), new SubjectIndex(store.database));
  const open = (instance: string): Promise<TransparencyLog> =>
    openTransparencyLog(store, index(), folder, { databaseUrl: database.url, natsUrl: '', masterKey, instance, logger, clock });
  [one, two] = [await open('one'), await open('two')];
});
afterAll(async () => {
  await one.signing.stop();
  await two.signing.stop();
  await store.close();
  await owner.end();
  await database.stop();
  rmSync(folder, { recursive: true });
});

let streams = 0;
const append = async (count: number): Promise<void> => {
  const id = `s${streams++}`;
  const event = { type: 'dev.mandate.delegation.requested.v1', occurredAt: '2026-11-25T12:00:00.000Z', data: {} };
  const result = await store.append({
    tenant: 'default',
    stream: { type: 'delegation', id },
    expected: 'no-stream',
    events: Array.from({ length: count }, (_, i) => ({ ...event, data: { i } })),
    actor: { kind: 'agent', id: 'ann' },
    correlationId: id,
  });
  if (!result.ok) throw new Error(result.message);
};
const signedAt = async (): Promise<string> =>
  (await owner.query<{ at: string }>('SELECT signed_at::text AS at FROM audit.log_tree')).rows[0]!.at;

describe('a round', () => {
  it('signs a log that grew, however far it is behind', async () => {
    for (let i = 0; i < 25; i++) await append(400);
    await one.signing.round();
    expect((await one.served.checkpoint()).split('\n')[1]).toBe('10000');
    expect(await one.served.proof(caller, '9999')).toContain('\nindex 9998\n');
  });

  it('signs an unchanged log again after a minute, with the same text', async () => {
    const [text, before] = [await one.served.checkpoint(), await signedAt()];
    await one.signing.round();
    expect(await signedAt()).toBe(before);
    clock.advance(60_000);
    await one.signing.round();
    expect(await signedAt()).not.toBe(before);
    expect(await one.served.checkpoint()).toBe(text);
  });

  it('is one process’ at a time; another one takes over', async () => {
    await append(1);
    await two.signing.round();
    expect(two.signing.report()).toMatchObject({ signs: false });
    expect((await two.served.checkpoint()).split('\n')[1]).toBe('10000');
    await one.signing.stop();
    await two.signing.round();
    expect((await two.served.checkpoint()).split('\n')[1]).toBe('10001');
  });
});

it('tiles that were thrown away are made anew from the events', async () => {
  const tile = async (path: string): Promise<Buffer> => Buffer.from((await two.served.file(path)).bytes);
  const before = [await tile('tile/0/003'), await tile('tile/1/000.p/39')];
  await owner.query('DELETE FROM audit.log_tile; UPDATE audit.log_tree SET size = 0');
  await append(1);
  await two.signing.round();
  expect([await tile('tile/0/003'), await tile('tile/1/000.p/39')]).toEqual(before);
  expect((await two.served.checkpoint()).split('\n')[1]).toBe('10002');
});

it('a tile that was changed stops the signing before anything wrong is signed', async () => {
  await owner.query('UPDATE audit.log_tile SET hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1) WHERE level = 1');
  await append(300);
  const fresh = await openTransparencyLog(
    store,
    new SearchIndex(store.database, new LogReader(store.database), new SubjectIndex(store.database)),
    folder,
    {
      databaseUrl: database.url,
      natsUrl: '',
      masterKey,
      instance: 'two',
      logger,
      clock,
    },
  );
  await expect(fresh.signing.round()).rejects.toMatchObject({ code: 'LOG_INCONSISTENT' });
  expect((await two.served.checkpoint()).split('\n')[1]).toBe('10002');
});
