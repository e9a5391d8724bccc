import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signal } from '@mandate/embedded';
import { shouldFallBack } from '@mandate/recognition';
import { shippedRecogniser } from '@mandate/recognition-model';
import { freePort, testRun } from '@mandate/testing';
import { FIRST_START } from './demo-requests.js';
import { keepMasterKey, type Credentials } from './secrets.js';
import { readSettings, type Settings } from './settings.js';
import type { Terminal } from './terminal.js';
import { up } from './up.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const programs = { services: fixture('services.mjs'), workers: { script: fixture('worker.mjs'), names: 'one, two' } };

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });

describe('mandate up', () => {
  let home: string;
  let settings: Settings;

  beforeAll(async () => {
    home = join(await mkdtemp(join(tmpdir(), 'mandate-')), 'home');
    const ports = { MANDATE_PORT: `${await freePort()}`, MANDATE_NATS_PORT: `${await freePort()}`, MANDATE_PG_PORT: `${await freePort()}` };
    settings = readSettings(
      { PATH: `${dirname(testRun().natsServer)}:${process.env['PATH']}`, MANDATE_HOME: 'home', ...ports },
      dirname(home),
    );
  });
  afterAll(() => rm(join(home, '..'), { recursive: true, force: true }));

  const silent: Terminal = { line: () => undefined, paint: (_, text) => text };
  /** Runs `up` until `onLine` stops it; answers all lines. */
  const run = async (onLine: (line: string, stop: () => void) => unknown): Promise<string[]> => {
    const lines: string[] = [];
    const stop = new AbortController();
    const line = (written = ''): void => {
      lines.push(written);
      onLine(written, () => stop.abort());
    };
    await up({ demo: true, settings, programs, terminal: { ...silent, line }, stop: stop.signal });
    return lines;
  };
  const secrets = async (): Promise<{ credentials: Credentials; masterKey: string }> => ({
    credentials: JSON.parse(await readFile(join(home, 'credentials.json'), 'utf8')) as Credentials,
    masterKey: await readFile(join(home, 'master.key'), 'utf8'),
  });

  it('makes its state on the first start, tells each delegation across a lost connection, and stops all of it', async () => {
    const lines = await run((line, stop) => line.includes('npx mandate agents') && stop());
    const text = lines.join('\n');
    expect(text).toMatch(/makes its state[^]*PostgreSQL[^]*new data[^]*NATS[^]*found on PATH[^]*Services[^]*Demo workers/);
    expect(lines).toContain('    recognised  sequential, 87 % sure (parallel 10 %)');
    expect(lines).toContain('    planned     2 by rules: a search; b write ← a');
    expect(lines).toContain('    succeeded   a search in 25 ms');
    expect(lines).toContain('    completed   in 1.5 s');
    expect(lines.filter((line) => line.startsWith('    completed'))).toHaveLength(4);
    expect(text).toContain('It is done.');
    const { apiPort, natsPort, postgresPort } = settings;
    expect(await Promise.all([apiPort, natsPort, postgresPort].map(listens))).toEqual([false, false, false]);
    expect(await readdir(join(home, 'run'))).toEqual([]);
    const { credentials, masterKey } = await secrets();
    expect(credentials).toEqual({
      apiUrl: `http://127.0.0.1:${apiPort}`,
      natsUrl: `nats://127.0.0.1:${natsPort}`,
      apiKey: expect.stringMatching(/^mdt_live_[0-9A-Za-z]{48}$/),
      tenant: 'default',
    });
    expect(masterKey).toMatch(/^[0-9a-f]{64}\n$/);
    const modes = await Promise.all(['credentials.json', 'master.key'].map(async (name) => (await stat(join(home, name))).mode & 0o777));
    expect(modes).toEqual([0o600, 0o600]);
    expect(text).not.toContain(credentials.apiKey);
  });

  it('resumes with the same keys, brings back what is killed, and lets nobody else in', async () => {
    const before = await secrets();
    let second: unknown;
    const kill = async (): Promise<void> => {
      const { pid } = JSON.parse(await readFile(join(home, 'run/services.pid.json'), 'utf8')) as { pid: number };
      signal(pid, 'SIGKILL');
    };
    const another = (): Promise<unknown> => up({ demo: false, settings, terminal: silent, stop: AbortSignal.abort() });
    const lines = await run(async (line, stop) => {
      if (line.startsWith('Ready')) await kill();
      if (!line.includes('services is back')) return;
      second = await another().catch((error: unknown) => error);
      stop();
    });
    expect(lines.join('\n')).toContain('resumes from');
    expect(second).toMatchObject({ code: 'HOME_LOCKED' });
    expect(await secrets()).toEqual(before);
  });

  it('asks in the demonstration for each pattern once, in words that the engine is sure of', () => {
    const asked = FIRST_START.map(([, { goal }]) => shippedRecogniser()({ text: goal }));
    expect(asked.map(({ pattern }) => pattern)).toEqual(['direct', 'sequential', 'parallel', 'meta']);
    expect(asked.filter((recognition) => shouldFallBack(recognition))).toEqual([]);
  });

  it('says what is wrong when a setting or a file is', async () => {
    expect(() => readSettings({ MANDATE_PORT: '70000' }, '/')).toThrow(/MANDATE_PORT is "70000"/);
    expect(() => readSettings({ MANDATE_PORT: '7422' }, '/')).toThrow(/must differ/);
    expect(() => readSettings({ MANDATE_NATS_SYNC: 'often' }, '/')).toThrow(/MANDATE_NATS_SYNC/);
    const file = join(home, 'a.key');
    await expect(keepMasterKey(file, async () => true)).rejects.toMatchObject({ code: 'MASTER_KEY_MISSING' });
    await expect(stat(file)).rejects.toThrow('ENOENT');
    await writeFile(join(home, 'credentials.json'), '{"apiKey":');
    await expect(run(() => undefined)).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
    expect(await Promise.all([settings.natsPort, settings.postgresPort].map(listens))).toEqual([false, false]);
  });
});
