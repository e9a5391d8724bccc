import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { AUDIT_MIGRATIONS, migrateAudit } from './index.js';

let database: TestDatabase;
let client: pg.Client;

/** As the version before the packed index of ids left it, with a tree of 9,000 events and three indexed segments. */
beforeAll(async () => {
  database = await testDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('CREATE SCHEMA audit');
  const before = new DataSource({
    type: 'postgres',
    url: database.url,
    schema: 'audit',
    migrations: AUDIT_MIGRATIONS.slice(0, 3),
    migrationsTableName: 'migration',
  });
  await before.initialize();
  await before.runMigrations({ transaction: 'all' });
  await before.destroy();
  await client.query('INSERT INTO audit.segment SELECT generate_series(0, 2)');
  await client.query("INSERT INTO audit.term SELECT 'default', 'o:success', segment, '' FROM audit.segment");
  await client.query('UPDATE audit.log_tree SET size = 9000');
  await client.query('INSERT INTO audit.event_place VALUES (1, 1)');
  await migrateAudit(database.url);
});
afterAll(async () => {
  await client.end();
  await database.stop();
});

const read = async (text: string): Promise<unknown[]> => (await client.query<{ v: unknown }>(text)).rows.map(({ v }) => v);

it('keeps what was indexed by words and by ids, and has the rest indexed again', async () => {
  expect(await read('SELECT segment::integer AS v FROM audit.segment ORDER BY 1')).toEqual([0, 1]);
  expect(await read('SELECT segment::integer AS v FROM audit.term ORDER BY 1')).toEqual([0, 1]);
  expect(await read('SELECT position::integer AS v FROM audit.event_place')).toEqual([1]);
});
