// PostgreSQL, nats-server and the services as they run by default, each a process of its own, in a directory that is thrown away.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveNatsServer, startNats, startPostgres } from '@mandate/embedded';

export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** A Node program that sends `{type:'ready'}` over IPC. */
export const startProgram = (script, { env = {}, args = [], nodeArgs = [] } = {}) =>
  new Promise((resolve, reject) => {
    const child = fork(script, args, {
      env: { ...process.env, ...env },
      execArgv: nodeArgs,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.once('message', (message) => resolve({ pid: child.pid, message, child }));
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
  });

const ended = (child) =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });

const HOST = fileURLToPath(new URL('../../apps/all-in-one/dist/main.js', import.meta.url));

/** `hosts`: the services of each process, and the name that its connections bear in PostgreSQL. */
export const startSystem = async ({
  sync,
  engines = 1,
  services = 'all',
  hosts: wanted = Array.from({ length: engines }, () => ({ services })),
  nodeArgs = (process.env.BENCH_NODE_ARGS ?? '').split(' ').filter(Boolean),
} = {}) => {
  const dir = await mkdtemp(join(tmpdir(), 'mandate-bench-'));
  await chmod(dir, 0o711);
  const stops = [() => rm(dir, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of stops.reverse()) await end();
  };
  try {
    const postgres = await startPostgres({ dataDir: join(dir, 'postgres'), port: await freePort() });
    stops.push(() => postgres.stop());
    const found = await resolveNatsServer({ home: process.env.BENCH_NATS_HOME ?? dir, report: () => undefined });
    const natsPort = await freePort();
    const nats = await startNats({ binary: found.path, port: natsPort, storeDir: join(dir, 'nats'), sync });
    stops.push(() => nats.stop());
    await writeFile(join(dir, 'master.key'), randomBytes(32).toString('hex'), { mode: 0o600 });
    const hosts = [];
    for (const { services, connectionName, nodeArgs: own = [] } of wanted) {
      const env = {
        DATABASE_URL: connectionName ? `${postgres.url}?application_name=${connectionName}` : postgres.url,
        NATS_URL: nats.url,
        MANDATE_MASTER_KEY_FILE: join(dir, 'master.key'),
        MANDATE_STATE_DIR: join(dir, 'state'),
        MANDATE_SERVICES: services,
        MANDATE_PORT: String(await freePort()),
        MANDATE_LOG_LEVEL: 'warn',
      };
      const host = await startProgram(HOST, { env, nodeArgs: [...nodeArgs, ...own] });
      stops.push(() => ended(host.child));
      hosts.push(host);
    }
    const postmaster = Number((await readFile(join(dir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
    return {
      databaseUrl: postgres.url,
      natsUrl: nats.url,
      apiUrl: hosts[0].message.apiUrl,
      hostPids: hosts.map(({ pid }) => pid),
      pids: { engine: hosts[0].pid, postgres: postmaster, nats: nats.pid },
      onStop: (end) => stops.push(end),
      ended,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
