import { expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { startNatsServer, testNats } from './nats-server.js';
import { startPostgresServer } from './postgres-server.js';

const numbersIn = async (url: string, sql: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
};

it('keeps what was committed when a private PostgreSQL is killed and started again', async () => {
  const server = await startPostgresServer();
  const before = server.pid;
  await numbersIn(server.url, 'CREATE TABLE kept AS SELECT 7 AS number');
  await server.kill();
  await expect(numbersIn(server.url, 'SELECT 1')).rejects.toThrow();
  await server.restart();
  expect(server.pid).not.toBe(before);
  expect(await numbersIn(server.url, 'SELECT * FROM kept')).toEqual([{ number: 7 }]);
  await server.stop();
});

it('listens at the same address when a private nats-server is killed and started again', async () => {
  const server = await startNatsServer();
  await server.kill();
  await server.restart();
  const connection = await connect({ servers: server.url });
  expect(connection.info?.jetstream).toBe(true);
  await connection.close();
  await server.stop();
});

it('gives each its own bus', async () => {
  const [one, other] = await Promise.all([testNats(), testNats()]);
  expect(one.url).not.toBe(other.url);
  await Promise.all([one.stop(), other.stop()]);
});
