/** Starts the two servers and the processes of ours, each supervised. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@mandate/kernel';
import {
  assertPortFree,
  resolveNatsServer,
  startNats,
  startNodeChild,
  startPostgres,
  type NodeChildOptions,
  type Running,
  type Supervised,
  type Supervisor,
} from '@mandate/embedded';
import type { Settings } from './settings.js';
import { step, type Terminal } from './terminal.js';

/** The programs of ours that run as processes of their own: files by name. */
export interface Programs {
  services: string;
  /** Ready once the workers in it are registered. */
  workers: { script: string; names: string };
}

const inCheckout = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url)); // from src and dist alike

export const PROGRAMS: Programs = {
  services: inCheckout('apps/all-in-one/dist/main.js'),
  workers: { script: inCheckout('examples/dist/demo.js'), names: 'research, document-check' },
};

export interface Context {
  programs: Programs;
  settings: Settings;
  supervisor: Supervisor;
  terminal: Terminal;
}

const detail = (terminal: Terminal) => (line: string) => terminal.line(`    ${terminal.paint('dim', `${line} …`)}`);
export const logFile = ({ home }: Settings, name: string): string => join(home, 'logs', `${name}.log`);

/** An address without what is secret in it. */
const withoutSecrets = (url: string): string => {
  try {
    const parsed = new URL(url);
    parsed.username = '';
    parsed.password = '';
    parsed.search = '';
    return parsed.href;
  } catch {
    throw new AppError(
      'CONFIG_INVALID',
      'invalid',
      'DATABASE_URL and NATS_URL must be addresses, as in postgres://user:password@host/database.',
    );
  }
};

/** The database's address, wherever it runs. */
export const providePostgres = ({ settings, supervisor, terminal }: Context): Promise<string> =>
  step(terminal, 'PostgreSQL', async () => {
    const { databaseUrl, home, postgresPort: port } = settings;
    if (databaseUrl) return { value: databaseUrl, note: `${withoutSecrets(databaseUrl)}, named by DATABASE_URL` };
    const options = {
      dataDir: join(home, 'postgres'),
      port,
      passwordFile: join(home, 'postgres.password'),
      logFile: logFile(settings, 'postgres'),
    };
    const { url, created } = await supervisor.start({
      name: 'postgres',
      stopSignals: ['SIGINT', 'SIGQUIT'],
      start: (onSpawn) => startPostgres({ ...options, log: detail(terminal), onSpawn }),
    });
    return { value: url, note: `127.0.0.1:${port}, ${created ? 'new' : 'kept'} data in ${join(home, 'postgres')}` };
  });

/** The NATS server's address, wherever it runs. */
export const provideNats = ({ settings, supervisor, terminal }: Context): Promise<string> =>
  step(terminal, 'NATS', async () => {
    const { home, natsPort: port, natsSync: sync } = settings;
    const server = await resolveNatsServer({ home, report: detail(terminal), machine: { env: settings.env } });
    if ('url' in server) return { value: server.url, note: `${withoutSecrets(server.url)}, ${server.how}` };
    const options = { binary: server.path, port, storeDir: join(home, 'nats'), sync, logFile: logFile(settings, 'nats') };
    const { url } = await supervisor.start({
      name: 'nats',
      stopSignals: ['SIGTERM'],
      start: (onSpawn) => startNats({ ...options, onSpawn }),
    });
    return { value: url, note: `127.0.0.1:${port}, nats-server ${server.version} ${server.how}` };
  });

const nodeService = (options: Omit<NodeChildOptions, 'onSpawn'>): Supervised<Running> => ({
  name: options.name,
  stopSignals: ['SIGTERM'],
  start: (onSpawn) => startNodeChild({ ...options, onSpawn }),
});

/** The services, in one process. */
export const provideHost = (context: Context, env: Record<string, string>): Promise<string> =>
  step(context.terminal, 'Services', async () => {
    const { programs, settings, supervisor } = context;
    await assertPortFree(settings.apiPort, 'the HTTP gateway', 'MANDATE_PORT');
    const logs = logFile(settings, 'services');
    const service = nodeService({ name: 'services', script: programs.services, env: { ...settings.env, ...env }, logFile: logs });
    const { url } = await supervisor.start(service);
    return { value: url, note: `${url}: delegation-engine, audit` };
  });

/** Programs that wait most of their life need no large heap. */
const SMALL_HEAP = ['--max-semi-space-size=1', '--max-old-space-size=128'];

export const provideWorkers = (context: Context, env: Record<string, string>): Promise<void> =>
  step(context.terminal, 'Demo workers', async () => {
    const { programs, settings, supervisor } = context;
    const { script, names } = programs.workers;
    // An instance name that was given is the services'.
    const options = { env: { ...settings.env, ...env, MANDATE_INSTANCE: '' }, nodeArgs: SMALL_HEAP, logFile: logFile(settings, 'workers') };
    await supervisor.start(nodeService({ ...options, name: 'workers', script }));
    return { value: undefined, note: names };
  });
