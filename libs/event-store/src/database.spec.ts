import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { Database } from './database.js';

let server: TestDatabase;
let database: Database;
beforeAll(async () => {
  server = await testDatabase({ template: 'empty' });
  database = new Database({ databaseUrl: server.url });
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

const ONE = { name: 'one', text: 'SELECT 1 AS one' };
const terminate = (pid: unknown): Promise<unknown> => database.query({ name: 'terminate', text: 'SELECT pg_terminate_backend($1)' }, [pid]);

describe('a connection that breaks', () => {
  it('in the hands of a transaction fails the transaction, not the process', async () => {
    const broken = database.transaction(async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const ended = once(client, 'end');
      await terminate(rows[0]?.pid);
      await ended;
      await client.query('SELECT 1');
    });
    await expect(broken).rejects.toThrow();
    expect(await database.query(ONE)).toEqual([{ one: 1 }]);
  });

  it('while idle is replaced', async () => {
    const [row] = await database.query({ name: 'pid', text: 'SELECT pg_backend_pid() AS pid' });
    await Promise.all([terminate(row?.['pid']).catch(() => undefined), database.query(ONE).catch(() => undefined)]);
    expect(await database.query(ONE)).toEqual([{ one: 1 }]);
  });
});
