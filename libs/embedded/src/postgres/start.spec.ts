import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '@mandate/testing';
import { Client } from 'pg';
import { isAlive, identify, signal } from '../process/identity.js';
import { startPostgres, type PostgresOptions, type RunningPostgres } from './start.js';

describe('the embedded PostgreSQL', () => {
  let folder: string;
  let options: PostgresOptions;
  let running: RunningPostgres | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mandate-'));
    await chmod(folder, 0o700); // the server's user cannot follow this path when we are root
    options = { dataDir: join(folder, 'home/postgres'), port: await freePort(), testing: { fsync: false } };
  });
  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const start = async (changes: Partial<PostgresOptions> = {}): Promise<RunningPostgres> =>
    (running = await startPostgres({ ...options, ...changes }));
  const query = async (sql: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: running?.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  it('is made anew where an earlier attempt was cut short, and only its owner reads the password', async () => {
    await mkdir(join(folder, 'home/postgres.new/base'), { recursive: true });
    await mkdir(join(folder, 'home/postgres/base/1'), { recursive: true });
    await writeFile(join(folder, 'home/postgres/PG_VERSION'), '18\n');
    expect((await start()).created).toBe(true);
    expect(existsSync(join(folder, 'home/postgres.new'))).toBe(false);
    expect((await stat(`${options.dataDir}.password`)).mode & 0o777).toBe(0o600);
    expect(await query(`SELECT current_database() AS db, current_setting('server_encoding') AS encoding`)).toEqual([
      { db: 'mandate', encoding: 'UTF8' },
    ]);
    const url = new URL(running?.url ?? '');
    url.password = 'wrong';
    await expect(new Client({ connectionString: url.href }).connect()).rejects.toThrow(/password authentication failed/);
  });

  it('is durable unless a test asks for speed', async () => {
    const settings = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`;
    await start({ dataDir: join(folder, 'durable/postgres'), testing: undefined as never });
    expect(await query(settings)).toEqual([{ fsync: 'on', commit: 'on' }]);
  });

  it('keeps what was committed when it is killed, and ends what a killed run left', async () => {
    const killed = await start();
    await query('CREATE TABLE kept AS SELECT 1 AS x');
    signal(killed.pid, 'SIGKILL');
    await killed.exited;
    const orphan = await start();
    const identity = identify(orphan.pid);
    expect((await start()).created).toBe(false);
    expect(identity && isAlive(identity)).toBe(false);
    expect(await query('SELECT x FROM kept')).toEqual([{ x: 1 }]);
  });

  it('is not fooled by a lock file whose pid is another program now', async () => {
    await writeFile(join(options.dataDir, 'postmaster.pid'), `${process.pid}\n${options.dataDir}\n`);
    await start();
  });

  it('gets a new password when that was lost', async () => {
    await rm(`${options.dataDir}.password`);
    await start();
    expect(await query('SELECT x FROM kept')).toEqual([{ x: 1 }]);
  });

  it('says which setting mends a port that is taken', async () => {
    const other = createServer().listen(options.port, '127.0.0.1');
    await once(other, 'listening');
    await expect(start()).rejects.toMatchObject({ code: 'PORT_IN_USE', message: expect.stringContaining('MANDATE_PG_PORT') });
    await new Promise((resolve) => other.close(resolve));
  });

  it('shows what the server said when it does not start', async () => {
    await expect(start({ settings: { shared_buffers: 'much' } })).rejects.toMatchObject({
      code: 'POSTGRES_FAILED',
      message: expect.stringContaining('shared_buffers'),
    });
  });

  it('refuses a directory that is damaged or that it did not make', async () => {
    await rm(join(options.dataDir, 'global/pg_control'));
    await expect(start()).rejects.toMatchObject({ code: 'DATA_DIRECTORY_INCOMPLETE' });
    await mkdir(join(folder, 'other/papers'), { recursive: true });
    await expect(start({ dataDir: join(folder, 'other') })).rejects.toMatchObject({ code: 'DATA_DIRECTORY_INCOMPLETE' });
    expect(await readFile(`${options.dataDir}.password`, 'utf8')).not.toBe('');
  });
});
