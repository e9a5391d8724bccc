import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres, type Running, type RunningPostgres } from '@mandate/embedded';
import { testRun } from './config.js';
import { onFreePort } from './free-port.js';
import { enterProcess } from './ledger.js';

/** A server of one test's own, which it may kill and start again. */
export interface RestartableServer {
  /** The same before and after a restart. */
  readonly url: string;
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** On the same port and data; also after kill(). */
  restart(): Promise<void>;
  /** Ends it and deletes its data. */
  stop(): Promise<void>;
}

/** A private PostgreSQL, always embedded (a test cannot kill a process in a container's place), with durable settings. */
export const startPostgresServer = async (options: { settings?: Record<string, string | number> } = {}): Promise<RestartableServer> => {
  const { dir } = testRun();
  const home = await mkdtemp(join(dir, 'postgres-'));
  let port = 0;
  const start = (on: number): Promise<RunningPostgres> => {
    port = on;
    return startPostgres({ ...options, dataDir: join(home, 'data'), port, onSpawn: (pid) => enterProcess(dir, pid) });
  };
  return restartable(home, await onFreePort(start), () => start(port));
};

/** What `start` starts, in the shape that tests use. */
export const restartable = (home: string, first: Running, start: () => Promise<Running>): RestartableServer => {
  let running = first;
  return {
    url: first.url,
    get pid() {
      return running.pid;
    },
    kill: async () => {
      process.kill(running.pid, 'SIGKILL');
      await running.exited;
    },
    restart: async () => {
      await running.stop();
      running = await start();
    },
    stop: async () => {
      await running.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
};
