/** An engine under a login of its own: it works, and it cannot change what happened. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { delegationEngine } from '@mandate/delegation-engine';
import { createLogger, serve, type Served } from '@mandate/service-host';
import { startWorld, type World } from '@mandate/testing';
import pg from 'pg';
import { PlainApi } from './plain-api.js';
import { PlainRequester } from './plain-requester.js';
import { PlainWorker } from './plain-worker.js';

let world: World;
let requester: PlainRequester;
let worker: PlainWorker;
let serviceUrl: string;
const served: Served[] = [];
const masterKey = randomBytes(32).toString('hex');

const start = async (instance: string, ownerUrl?: string): Promise<PlainApi> => {
  const logger = createLogger({ service: 'test', instance, level: 'silent' });
  const options = { databaseUrl: serviceUrl, natsUrl: world.nats.url, masterKey, instance, logger, ...(ownerUrl ? { ownerUrl } : {}) };
  const running = await serve([delegationEngine], options, { host: '127.0.0.1', port: 0 });
  served.push(running);
  return new PlainApi(running.url);
};

beforeAll(async () => {
  world = await startWorld({ template: 'empty' });
  const url = new URL(world.database.url);
  url.username = `app_${randomBytes(4).toString('hex')}`;
  url.password = randomBytes(12).toString('hex');
  serviceUrl = url.href;
});
afterAll(async () => {
  worker.stop();
  await requester.close();
  for (const running of served.reverse()) await running.close();
  await world.stop();
});

describe('a service under its own login', () => {
  it('has its tables made by the owner, and does its work', async () => {
    const api = await start('first', world.database.url);
    requester = await PlainRequester.connect(world.nats.url);
    worker = await PlainWorker.start(requester.connection, { capabilities: ['shout'] });
    const { id } = await requester.ask({ goal: 'quietly', steps: [{ id: 'a', capability: 'shout' }] });
    expect((await api.inState(id, 'COMPLETED')).result).toBe('QUIETLY');
  });

  it('starts without the owner once the tables are there', async () => {
    const api = await start('second');
    const { body } = await api.get<{ status: string }>('/health/ready');
    expect(body.status).toBe('up');
  });

  it.each([
    'UPDATE es.event SET type = $1',
    'DELETE FROM es.event WHERE type <> $1',
    'INSERT INTO es.event (log_id, position, tenant) VALUES (1, 1, $1)',
  ])('may not %s', async (statement) => {
    const client = new pg.Client({ connectionString: serviceUrl });
    await client.connect();
    try {
      await expect(client.query(statement, ['x'])).rejects.toThrow(/permission denied/);
    } finally {
      await client.end();
    }
  });
});
