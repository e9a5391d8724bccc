/** What is killed: PostgreSQL, nats-server, an engine's host and workers, under the supervisor that `mandate up` uses. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  startNats,
  startNodeChild,
  startPostgres,
  Supervisor,
  type Running,
  type Supervised,
  type SupervisorEvent,
} from '@mandate/embedded';
import { enterProcess, freePort, testRun, until, type Seeded } from '@mandate/testing';
import pg from 'pg';

export const KINDS = ['postgres', 'nats', 'engine', 'worker'] as const;
export type Kind = (typeof KINDS)[number];

/** Built ones: a killed process is started again without our toolchain. */
const HOST = fileURLToPath(new URL('../../../apps/all-in-one/dist/main.js', import.meta.url));
const WORKER = fileURLToPath(new URL('../../dist/chaos/ledger-worker.js', import.meta.url));

const LEDGER = [
  'CREATE TABLE ledger (step_key text PRIMARY KEY, applied_by text NOT NULL, token text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
  'CREATE TABLE run (attempt_key text NOT NULL, worker text NOT NULL)',
];
/** The longest pause before a dead process is started again, beside the supervisor's own backoff. */
const PAUSE_MS = 500;

export interface SystemOptions {
  /** Of this system alone. */
  folder: string;
  workers: number;
  random: Seeded;
  log: (line: string) => void;
}

export interface System {
  readonly databaseUrl: string;
  readonly ledgerUrl: string;
  readonly natsUrl: string;
  apiUrl(): string;
  /** Sends SIGKILL to a process of this kind as soon as one runs. Resolves to its name and the time, when the signal is sent. */
  kill(kind: Kind): Promise<{ name: string; at: number }>;
  /** Resolves to the time at which the process of this name is healthy again. */
  healthyAfter(name: string, at: number): Promise<number>;
  stop(): Promise<void>;
}

interface Started {
  running: Running;
  at: number;
}

const PATIENCE_MS = 60_000;

export const startSystem = async (options: SystemOptions): Promise<System> => {
  const { folder, random, log } = options;
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o711); // PostgreSQL's user goes through it
  const alive = new Map<string, Started>();
  const supervisor = new Supervisor({
    runDir: join(folder, 'run'),
    maxBackoffMs: 1_000,
    healthyAfterMs: 2_000,
    onEvent: (event) => note(alive, event, log),
  });
  const services = servicesOf(options, supervisor);
  try {
    const urls = await services.start();
    return {
      ...urls,
      apiUrl: () => alive.get('engine')?.running.url ?? '',
      kill: (kind) => killOne(alive, kind, random),
      healthyAfter: async (name, at) => {
        const isBack = (): Started | false => {
          const started = alive.get(name);
          return started !== undefined && started.at >= at && started;
        };
        return (await until(isBack, { what: `${name} to be healthy again`, timeoutMs: PATIENCE_MS })).at;
      },
      stop: () => supervisor.stop(),
    };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
};

const note = (alive: Map<string, Started>, event: SupervisorEvent, log: (line: string) => void): void => {
  if (event.type === 'started') alive.set(event.name, { running: event.running, at: Date.now() });
  if (event.type === 'died') alive.delete(event.name);
  if (event.type === 'start-failed')
    log(`${event.name} did not start: ${event.error instanceof Error ? event.error.message : String(event.error)}`);
};

const killOne = async (alive: Map<string, Started>, kind: Kind, random: Seeded): Promise<{ name: string; at: number }> => {
  const candidates = (): string[] => [...alive.keys()].filter((name) => name.split('-')[0] === kind).sort();
  await until(() => candidates().length > 0, { what: `a ${kind} to kill`, timeoutMs: PATIENCE_MS });
  const name = random.pick(candidates());
  const { running } = alive.get(name) as Started;
  alive.delete(name);
  process.kill(running.pid, 'SIGKILL');
  return { name, at: Date.now() };
};

interface Urls {
  databaseUrl: string;
  natsUrl: string;
  ledgerUrl: string;
}

/** In the order of their start; each is restarted after a random pause once it died. */
const servicesOf = ({ folder, workers, random }: SystemOptions, supervisor: Supervisor): { start(): Promise<Urls> } => {
  const { dir, natsServer } = testRun();
  const supervised = <R extends Running>(name: string, start: (onSpawn: (pid: number) => void) => Promise<R>): Promise<R> => {
    let starts = 0;
    const service: Supervised<R> = {
      name,
      stopSignals: ['SIGINT'],
      start: async (onSpawn) => {
        if (starts++ > 0) await delay(random.integer(0, PAUSE_MS));
        return start((pid) => {
          onSpawn(pid);
          enterProcess(dir, pid);
        });
      },
    };
    return supervisor.start(service);
  };
  const node = (name: string, script: string, env: Record<string, string>): Promise<Running> =>
    supervised(name, (onSpawn) =>
      startNodeChild({ name, script, env: { PATH: process.env['PATH'], ...env }, logFile: join(folder, `${name}.log`), onSpawn }),
    );
  return {
    start: async () => {
      const ports = { postgres: await freePort(), nats: await freePort() };
      const postgres = await supervised('postgres', (onSpawn) =>
        startPostgres({ dataDir: join(folder, 'postgres'), port: ports.postgres, onSpawn }),
      );
      const ledgerUrl = await makeLedger(postgres.url);
      const storeDir = join(folder, 'jetstream');
      const nats = await supervised('nats', (onSpawn) => startNats({ binary: natsServer, storeDir, port: ports.nats, onSpawn }));
      const keyFile = join(folder, 'master.key');
      writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
      await node('engine', HOST, {
        DATABASE_URL: postgres.url,
        NATS_URL: nats.url,
        MANDATE_MASTER_KEY_FILE: keyFile,
        MANDATE_STATE_DIR: join(folder, 'state'),
        MANDATE_PORT: '0',
        MANDATE_INSTANCE: 'engine',
        MANDATE_LOG_LEVEL: 'info',
      });
      for (let i = 1; i <= workers; i++)
        await node(`worker-${i}`, WORKER, { NATS_URL: nats.url, LEDGER_URL: ledgerUrl, INSTANCE: `worker-${i}` });
      return { databaseUrl: postgres.url, natsUrl: nats.url, ledgerUrl };
    },
  };
};

const query = async (connectionString: string, statements: readonly string[]): Promise<void> => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
};

const makeLedger = async (serverUrl: string): Promise<string> => {
  await query(serverUrl, ['CREATE DATABASE ledger']);
  const url = new URL(serverUrl);
  url.pathname = '/ledger';
  await query(url.href, LEDGER);
  return url.href;
};
