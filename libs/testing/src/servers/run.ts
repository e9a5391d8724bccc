/** Starting and ending what one run of the tests shares. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveNatsServer, startPostgres } from '@mandate/embedded';
import { checkoutHome, environmentWithoutServers, wantedMode, type TestRun } from './config.js';
import { onFreePort } from './free-port.js';
import { endEnteredProcesses, enterProcess } from './ledger.js';

export interface StartedRun {
  run: TestRun;
  /** Ends the shared servers and whatever the tests left running. Resolves to how many processes those were. */
  stop(): Promise<number>;
}

interface SharedServers {
  postgresUrl: string;
  stop(): Promise<void>;
}

/** `log` is told what takes long. */
export const startTestRun = async (log: (line: string) => void): Promise<StartedRun> => {
  const mode = wantedMode();
  const dir = await mkdtemp(join(tmpdir(), 'mandate-test-'));
  await chmod(dir, 0o711); // PostgreSQL's user goes through it
  try {
    const natsServer = await natsProgram(log);
    const servers = mode === 'containers' ? await (await import('./containers.js')).startContainers() : await startEmbedded(dir, log);
    const { postgresUrl, stop } = servers;
    return { run: { mode, dir, postgresUrl, natsServer }, stop: () => stopRun(dir, stop) };
  } catch (error) {
    await stopRun(dir, async () => undefined);
    throw error;
  }
};

const stopRun = async (dir: string, stopServers: () => Promise<void>): Promise<number> => {
  await stopServers();
  const leftOver = await endEnteredProcesses(dir);
  await rm(dir, { recursive: true, force: true });
  return leftOver;
};

/** A run's data is thrown away, so nothing waits for the disk; connections for all test files that run at once. */
const SHARED_SETTINGS = { max_connections: 200, checkpoint_timeout: '1h' };

const startEmbedded = async (dir: string, log: (line: string) => void): Promise<SharedServers> => {
  const dataDir = join(dir, 'postgres');
  const onSpawn = (pid: number): void => enterProcess(dir, pid);
  const postgres = await onFreePort((port) =>
    startPostgres({ dataDir, port, log, onSpawn, testing: { fsync: false }, settings: SHARED_SETTINGS }),
  );
  return { postgresUrl: postgres.url, stop: () => postgres.stop() };
};

const natsProgram = async (log: (line: string) => void): Promise<string> => {
  const server = await resolveNatsServer({ home: checkoutHome(), report: log, machine: { env: environmentWithoutServers() } });
  if ('path' in server) return server.path;
  throw new Error(`tests need the nats-server program, not ${server.url}`);
};
