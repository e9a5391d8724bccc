import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort, testRun } from '@mandate/testing';
import { connect } from '@nats-io/transport-node';
import type { Running } from '../process/child.js';
import { identify, isAlive, signal } from '../process/identity.js';
import { startNats, type NatsOptions } from './start.js';

describe('the embedded NATS server', () => {
  let folder: string;
  let options: NatsOptions;
  let running: Running | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mandate-'));
    options = { binary: testRun().natsServer, port: await freePort(), storeDir: join(folder, 'nats') };
  });
  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const start = async (changes: Partial<NatsOptions> = {}): Promise<Running> => (running = await startNats({ ...options, ...changes }));

  it('has JetStream and the contract’s largest message, and forces nothing to the disk unless asked', async () => {
    await start();
    const client = await connect({ servers: running?.url ?? '', token: 'any' });
    expect(client.info).toMatchObject({ jetstream: true, max_payload: 1_048_576, host: '127.0.0.1' });
    await client.close();
    expect(await readFile(join(folder, 'nats.conf'), 'utf8')).not.toContain('sync_interval');
    await running?.stop();
    await start({ sync: 'always' });
    expect(await readFile(join(folder, 'nats.conf'), 'utf8')).toContain('sync_interval: always');
  });

  it('ends what a killed run left on the same store', async () => {
    const orphan = identify((await start()).pid);
    await start();
    expect(orphan && isAlive(orphan)).toBe(false);
  });

  it('says which setting mends a port that is taken, and what the server said when it does not start', async () => {
    const other = createServer().listen(options.port, '127.0.0.1');
    await once(other, 'listening');
    await expect(start()).rejects.toMatchObject({ code: 'PORT_IN_USE', message: expect.stringContaining('MANDATE_NATS_PORT') });
    await new Promise((resolve) => other.close(resolve));
    await expect(start({ binary: '/nonexistent/nats-server' })).rejects.toMatchObject({ code: 'CANNOT_START' });
    await expect(start({ serverName: 'two words' })).rejects.toMatchObject({
      code: 'NATS_FAILED',
      message: expect.stringContaining('server name'),
    });
  });

  it('stops at once when told so', async () => {
    const { exited, pid } = await start();
    signal(pid, 'SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
  });
});
