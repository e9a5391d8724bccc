import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { run, type Run, type RunResult } from '../process/run.js';
import { resolveNatsServer, type NatsServer } from './resolve.js';
import { debianMirrors } from './way-debian.js';
import { PINNED_VERSION, type Machine } from './way.js';

const ARCHIVE = `nats-server-v${PINNED_VERSION}-linux-amd64`;
const ok = (stdout = ''): RunResult => ({ status: 0, stdout, output: stdout });
const no: RunResult = { status: 1, stdout: '', output: 'no' };

describe('where the NATS server comes from', () => {
  let folder: string;
  let server: Server;
  let files: Record<string, Buffer>;
  let commands: string[];
  let answers: Record<string, (args: readonly string[]) => Promise<RunResult> | RunResult>;
  let env: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mandate-'));
    files = {};
    commands = [];
    answers = {};
    env = { PATH: join(folder, 'path') };
    server = createServer((request, response) => {
      const body = files[request.url ?? ''];
      response.writeHead(body ? 200 : 404).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  /** Commands named in `answers` are answered from there; programs below the test's folder and tar are real; there is nothing else. */
  const fakeRun: Run = async (command, args, options) => {
    commands.push([command, ...args].join(' '));
    const answer = answers[command];
    if (answer) return answer(args);
    return command.startsWith(folder) || command === 'tar'
      ? run(command, args, options)
      : { status: null, stdout: '', output: 'not found' };
  };
  const resolve = (machine: Partial<Machine> = {}): Promise<NatsServer> => {
    const { port } = server.address() as AddressInfo;
    const releases = `http://127.0.0.1:${port}`;
    const base = { run: fakeRun, env, platform: 'linux', arch: 'x64', root: join(folder, 'root'), releases };
    return resolveNatsServer({ home: join(folder, 'home'), machine: { ...base, ...machine } });
  };
  const program = async (path: string, version: string): Promise<string> => {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, `#!/bin/sh\necho nats-server: v${version}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const release = async (): Promise<Buffer> => {
    await program(join(folder, 'release', ARCHIVE, 'nats-server'), PINNED_VERSION);
    await run('tar', ['-czf', join(folder, 'a.tgz'), '-C', join(folder, 'release'), ARCHIVE]);
    const archive = await readFile(join(folder, 'a.tgz'));
    const digest = createHash('sha256').update(archive).digest('hex');
    files[`/v${PINNED_VERSION}/SHA256SUMS`] = Buffer.from(`${'0'.repeat(64)}  other.zip\n${digest}  ${ARCHIVE}.tar.gz\n`);
    files[`/v${PINNED_VERSION}/${ARCHIVE}.tar.gz`] = archive;
    return archive;
  };
  const docker = (): void => {
    answers['docker'] = async ([verb, ...args]) => {
      if (verb === 'cp') await program(args.at(-1) as string, PINNED_VERSION);
      return ok(verb === 'create' ? 'c0ffee\n' : '');
    };
  };
  const debian = async (): Promise<void> => {
    await mkdir(join(folder, 'root/usr/share/keyrings'), { recursive: true });
    await writeFile(join(folder, 'root/usr/share/keyrings/debian-archive-keyring.gpg'), '');
    answers['apt-get'] = async (args) => {
      const list = args.find((arg) => arg.startsWith('Dir::Etc::sourcelist='))?.split('=')[1] as string;
      if (args.includes('download')) await writeFile(join(list, '../nats-server_2.15.1-1_amd64.deb'), '');
      return ok();
    };
    answers['dpkg'] = async (args) => {
      await program(join(args[2] as string, 'usr/sbin/nats-server'), '2.15.1');
      return ok();
    };
  };
  const kept = (): string => join(folder, 'home/bin/nats-server');

  it('takes each way in turn, the next where one is closed', async () => {
    await debian();
    expect(await resolve()).toMatchObject({ path: kept(), version: '2.15.1', how: expect.stringContaining('Debian') });
    await rm(kept());
    await release();
    expect(await resolve()).toMatchObject({ path: kept(), version: PINNED_VERSION, how: expect.stringContaining('official release') });
    await rm(kept());
    docker();
    expect(await resolve()).toMatchObject({ path: kept(), how: expect.stringContaining('official image') });
    expect(commands).toContain('docker rm c0ffee');
    expect(await resolve()).toMatchObject({ path: kept(), how: expect.stringContaining('kept') });
    const onPath = await program(join(folder, 'path/nats-server'), '2.12.0');
    expect(await resolve()).toEqual({ path: onPath, version: '2.12.0', how: 'found on PATH' });
    env['NATS_URL'] = 'nats://elsewhere:4222';
    expect(await resolve()).toEqual({ url: 'nats://elsewhere:4222', how: 'named by NATS_URL' });
  });

  it('passes over a server that is too old or does not run', async () => {
    await program(join(folder, 'path/nats-server'), '2.11.9');
    await mkdir(join(folder, 'home/bin'), { recursive: true });
    await writeFile(kept(), 'no program');
    await expect(resolve()).rejects.toMatchObject({
      code: 'NATS_SERVER_MISSING',
      message: expect.stringMatching(/nats-server is 2\.11\.9[^]*does not run here[^]*no engine[^]*404[^]*no Debian-like[^]*NATS_URL/),
    });
  });

  it('refuses a download that is not what the release says, and keeps nothing of it', async () => {
    const archive = await release();
    await debian();
    archive[archive.length - 1] = (archive.at(-1) as number) ^ 1;
    await expect(resolve()).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    await expect(readFile(kept())).rejects.toThrow('ENOENT');
    files[`/v${PINNED_VERSION}/SHA256SUMS`] = Buffer.from(`${'0'.repeat(64)}  other.zip\n`);
    expect(await resolve()).toMatchObject({ how: expect.stringContaining('Debian') });
  });

  it('asks the mirrors the machine uses, then the official one', async () => {
    const apt = join(folder, 'root/etc/apt');
    await mkdir(join(apt, 'sources.list.d'), { recursive: true });
    await writeFile(
      join(apt, 'sources.list'),
      '# deb http://commented/debian x\ndeb [arch=amd64] http://one.example/debian/ bookworm main\n',
    );
    await writeFile(
      join(apt, 'sources.list.d/debian.sources'),
      'Types: deb\nURIs: https://two.example/debian http://two.example/debian-security\n',
    );
    await writeFile(join(apt, 'sources.list.d/other.list'), 'deb http://other.example/node x main\n');
    const expected = ['http://one.example/debian', 'https://two.example/debian', 'http://deb.debian.org/debian'];
    expect(await debianMirrors(join(folder, 'root'))).toEqual(expected);
    await debian();
    answers['apt-get'] = () => no;
    await expect(resolve()).rejects.toThrow(/one\.example\/debian: no; https:\/\/two\.example/);
  });
});
