import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { testDatabase, type Template, type TestDatabase } from './database.js';

const ask = async <Row>(url: string, sql: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
};

describe('an empty database', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await testDatabase({ template: 'empty' })));
  afterAll(() => database.stop());

  it('is there, and holds no table', async () => {
    expect(await ask(database.url, `SELECT current_database() AS name`)).toEqual([{ name: database.name }]);
    expect(await ask(database.url, `SELECT 1 FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)).toEqual([]);
  });
});

describe('a template', () => {
  it('is filled once, however many clone it at the same time, and clones do not see each other', async () => {
    let filled = 0;
    const fill = async (url: string): Promise<void> => {
      filled++;
      await ask(url, 'CREATE TABLE seat AS SELECT 1 AS number');
    };
    const template: Template = { name: 'seats', key: `${process.pid} ${Date.now()}`, fill };
    const databases = await Promise.all(Array.from({ length: 5 }, () => testDatabase({ template })));
    expect(filled).toBe(1);
    await ask(databases[0]!.url, 'INSERT INTO seat VALUES (2)');
    expect(await ask(databases[0]!.url, 'SELECT * FROM seat')).toEqual([{ number: 1 }, { number: 2 }]);
    expect(await ask(databases[1]!.url, 'SELECT * FROM seat')).toEqual([{ number: 1 }]);
    await Promise.all(databases.map((database) => database.stop()));
  });

  it('whose making broke off is made again', async () => {
    const key = `${process.pid} ${Date.now()}`;
    const half = async (url: string): Promise<void> => {
      await ask(url, 'CREATE TABLE half ()');
      throw new Error('broke off');
    };
    await expect(testDatabase({ template: { name: 'halves', key, fill: half } })).rejects.toThrow('broke off');
    const whole = await testDatabase({
      template: { name: 'halves', key, fill: async (url) => void (await ask(url, 'CREATE TABLE half ()')) },
    });
    expect(await ask(whole.url, 'SELECT * FROM half')).toEqual([]);
    await whole.stop();
  });
});
