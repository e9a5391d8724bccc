import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockHome } from './home-lock.js';
import { identify, untilGone } from './identity.js';
import { startNodeChild } from './node-child.js';
import { PidFiles } from './pid-files.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

describe('what a killed supervisor leaves behind', () => {
  let folder: string;
  let stray: ChildProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mandate-'));
    stray = spawn(process.execPath, [fixture('child.mjs')], { stdio: 'ignore', detached: true });
    await once(stray, 'spawn');
  });
  afterEach(async () => {
    stray.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  it('is ended by the next one', async () => {
    const files = new PidFiles(folder);
    files.write('stray', stray.pid as number, 0, ['SIGTERM']);
    const exited = once(stray, 'exit');
    expect(await new PidFiles(folder).endOrphans()).toEqual(['stray']);
    await exited;
    expect(await files.endOrphans()).toEqual([]);
  });

  it('is left alone when its pid is another process by now, or its file was cut short', async () => {
    const files = new PidFiles(folder);
    files.write('stray', stray.pid as number, 0, ['SIGKILL']);
    const file = join(folder, 'stray.pid.json');
    const entry = JSON.parse(await readFile(file, 'utf8')) as { startTime: string };
    await writeFile(file, JSON.stringify({ ...entry, startTime: `${Number(entry.startTime) - 1}` }));
    await writeFile(join(folder, 'cut.pid.json'), '{"pid": 1');
    expect(await files.endOrphans()).toEqual([]);
    expect(stray.exitCode ?? stray.signalCode).toBeNull();
  });

  it('ends by itself when it is a Node child', async () => {
    const args = [fixture('supervise.mjs'), join(folder, 'run'), fixture('child.mjs'), join(folder, 'child.log')];
    const supervisor = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(supervisor.stdout as NonNullable<typeof supervisor.stdout>), 'line')) as [string];
    const child = identify(Number(line));
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');
    expect(child && (await untilGone([child], 10_000))).toBe(true);
  });
});

describe('a Node child', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'mandate-'))));
  afterEach(() => rm(folder, { recursive: true }));
  const options = () => ({ name: 'the child', env: process.env, logFile: join(folder, 'child.log'), stopTimeoutMs: 5_000 });

  it('that ends before it is ready is explained by what it last logged', async () => {
    await writeFile(join(folder, 'fails.mjs'), `console.log('{"level":60,"msg":"no such table"}'); process.exitCode = 3;`);
    const started = startNodeChild({ ...options(), script: join(folder, 'fails.mjs') });
    await expect(started).rejects.toMatchObject({ code: 'CHILD_FAILED', message: expect.stringContaining('no such table') });
  });
});

describe('the lock of a state directory', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'mandate-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('is held by one live process at a time', async () => {
    const file = join(folder, 'run/up.lock');
    const release = await lockHome(file);
    await expect(lockHome(file)).rejects.toMatchObject({ code: 'HOME_LOCKED', message: expect.stringContaining('MANDATE_HOME') });
    await release();
    await (
      await lockHome(file)
    )();
  });

  it.each([
    ['of a process that is gone', { pid: 2 ** 22 + 1, startTime: '1', bootId: 'x' }],
    ['of a pid that was reused', { ...identify(process.pid), startTime: '1' }],
    ['cut short', undefined],
  ])('is replaced when it is %s', async (_, holder) => {
    const file = join(folder, 'up.lock');
    await writeFile(file, holder ? JSON.stringify(holder) : '{"pid"');
    const release = await lockHome(file);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(identify(process.pid));
    await release();
  });
});
