/** An engine in a process of its own, so that a test may kill it: the host as it runs in production, from its build. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { World } from '@mandate/testing';
import { PlainApi } from './plain-api.js';

const HOST = fileURLToPath(new URL('../../../apps/all-in-one/dist/main.js', import.meta.url));

export interface EngineProcess {
  readonly instance: string;
  readonly api: PlainApi;
  /** How many partitions it says it owns. */
  partitions(): Promise<number>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit status. */
  stop(): Promise<unknown>;
  /** Resolves to the signal that ended it, or null. */
  readonly ended: Promise<string | null>;
  /** A message over its channel, for what was preloaded. */
  tell(message: object): void;
}

export interface EngineProcessOptions {
  world: { database: Pick<World['database'], 'url'>; nats: Pick<World['nats'], 'url'> };
  instance: string;
  /** Holds the master key in hex; engines of one log share it. */
  masterKeyFile: string;
  /** Default: all. */
  services?: string;
  /** What Node loads before it. */
  preload?: string;
}

export const writeMasterKey = (file: string, key: string): string => {
  writeFileSync(file, key, { mode: 0o600 });
  return file;
};

/** Resolves when it takes requests. */
export const startEngineProcess = async ({
  world,
  instance,
  masterKeyFile,
  services = 'all',
  preload,
}: EngineProcessOptions): Promise<EngineProcess> => {
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: world.database.url,
    NATS_URL: world.nats.url,
    MANDATE_MASTER_KEY_FILE: masterKeyFile,
    MANDATE_STATE_DIR: join(dirname(masterKeyFile), 'state'),
    MANDATE_PORT: '0',
    MANDATE_INSTANCE: instance,
    MANDATE_LOG_LEVEL: 'error',
    MANDATE_SERVICES: services,
  };
  const child = spawn(process.execPath, [...(preload ? ['--import', preload] : []), HOST], {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const ready = once(child, 'message') as Promise<[{ apiUrl: string }]>;
  const first = await Promise.race([ready, exited.then(([code]) => Promise.reject(new Error(`${instance} ended with ${code}`)))]);
  const api = new PlainApi(first[0].apiUrl);
  return {
    instance,
    api,
    ended: exited.then(([, signal]) => signal),
    tell: (message) => void child.send(message),
    partitions: async () => Number(/^mandate_partitions_owned\S* (\d+)$/m.exec((await api.get('/metrics')).text)?.[1]),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: async () => {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
  };
};
