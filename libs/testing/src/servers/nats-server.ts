import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { startNats, type Running } from '@mandate/embedded';
import { testRun } from './config.js';
import { onFreePort } from './free-port.js';
import { enterProcess } from './ledger.js';
import { restartable, type RestartableServer } from './postgres-server.js';

/** A private nats-server with JetStream, always a process of this machine, so that a test may kill it. */
export const startNatsServer = async (): Promise<RestartableServer> => {
  const { dir, natsServer } = testRun();
  const home = await mkdtemp(join(dir, 'nats-'));
  let port = 0;
  const start = (on: number): Promise<Running> => {
    port = on;
    return startNats({ binary: natsServer, storeDir: join(home, 'jetstream'), port, onSpawn: (pid) => enterProcess(dir, pid) });
  };
  return restartable(home, await onFreePort(start), () => start(port));
};

export interface TestNats {
  readonly url: string;
  /** Ends the server. Close your own connections first. */
  stop(): Promise<void>;
}

/** An empty bus of this test file's own: the names of streams and subjects are fixed, so sharing a server would mix the files up. */
export const testNats = async (): Promise<TestNats> => {
  return testRun().mode === 'containers' ? (await import('./containers.js')).startNatsContainer() : startNatsServer();
};
