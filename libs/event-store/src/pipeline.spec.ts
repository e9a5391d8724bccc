import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { Pipeline } from './pipeline.js';

let server: TestDatabase;
let pipeline: Pipeline;
beforeAll(async () => {
  server = await testDatabase({ template: 'empty' });
  pipeline = new Pipeline({ databaseUrl: server.url });
  await pipeline.query({ name: 'table', text: 'CREATE TABLE line (n integer PRIMARY KEY, at bigint GENERATED ALWAYS AS IDENTITY)' }, []);
});
afterAll(async () => {
  await pipeline.close();
  await server.stop();
});

const add = (n: number): Promise<unknown> => pipeline.query({ name: 'add', text: 'INSERT INTO line (n) VALUES ($1) RETURNING at' }, [n]);

it('runs statements in the order in which they were sent, and a refused one undoes itself only', async () => {
  const sent = [5, 3, 3, 9, 1].map(add);
  const outcomes = await Promise.allSettled(sent);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(outcomes[2]).toMatchObject({ reason: { code: 'STORE_REFUSED' } });
  const rows = await pipeline.query({ name: 'all', text: 'SELECT n FROM line ORDER BY at' }, []);
  expect(rows).toEqual([5, 3, 9, 1].map((n) => ({ n })));
});

it('fails what is under way when the connection breaks, and makes another', async () => {
  const broken = [pipeline.query({ name: 'end', text: 'SELECT pg_terminate_backend(pg_backend_pid())' }, []), add(20)];
  for (const { status, ...rest } of await Promise.allSettled(broken)) {
    expect(status).toBe('rejected');
    expect(rest).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE' } });
  }
  await expect(add(21)).resolves.toHaveLength(1);
});

it('gives up on an answer that does not come', async () => {
  const impatient = new Pipeline({ databaseUrl: server.url, queryTimeoutMs: 1_000 });
  await expect(impatient.query({ name: 'sleep', text: 'SELECT pg_sleep(60)' }, [])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(impatient.query({ name: 'one', text: 'SELECT 1 AS one' }, [])).resolves.toEqual([{ one: 1 }]);
  await impatient.close();
});
