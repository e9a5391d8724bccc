/** The embedded NATS server. */
import { connect } from 'node:net';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@mandate/kernel';
import { assertDiskSpace, assertPortFree, diskFull, explainFileError } from '../machine.js';
import { startChild, type Running } from '../process/child.js';
import { endProcesses, processesIn } from '../process/identity.js';
import { tail } from '../process/run.js';

export interface NatsOptions {
  /** Path of the nats-server program. */
  binary: string;
  port: number;
  /** JetStream's files; made when it is not there. */
  storeDir: string;
  /** 'always': every JetStream write is forced to the disk before it is acknowledged. Default: the server's own interval. */
  sync?: 'always' | undefined;
  serverName?: string;
  /** Default: `<storeDir>.conf` and `<storeDir>.log`. */
  configFile?: string;
  logFile?: string;
  onSpawn?: (pid: number) => void;
}

const MAX_PAYLOAD = 1024 * 1024;
const RUNNING_MIB = 64;
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 15;

const configuration = ({ port, storeDir, sync, serverName = 'mandate' }: NatsOptions): string =>
  [
    `server_name: ${JSON.stringify(serverName)}`,
    'host: "127.0.0.1"',
    `port: ${port}`,
    `max_payload: ${MAX_PAYLOAD}`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(storeDir)}`,
    ...(sync ? [`  sync_interval: ${sync}`] : []),
    '}',
    '',
  ].join('\n');

/** True when what listens there greets as a NATS server does. */
const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(1_000, () => answer(false));
    socket.once('error', () => answer(false));
    socket.once('close', () => answer(false));
    socket.once('data', (data) => answer(data.toString().startsWith('INFO ')));
  });

/**
 * Starts nats-server with JetStream on loopback and resolves when it greets. A server that an earlier, killed run left on the same
 * store is ended first. Throws AppError `PORT_IN_USE`, `DISK_FULL`, `NO_PERMISSION`, `CANNOT_START` or `NATS_FAILED`.
 */
export const startNats = async (options: NatsOptions): Promise<Running> => {
  try {
    return await start(options);
  } catch (error) {
    throw explainFileError(options.storeDir, error);
  }
};

const start = async (options: NatsOptions): Promise<Running> => {
  const { port } = options;
  await mkdir(options.storeDir, { recursive: true, mode: 0o700 });
  const storeDir = await realpath(options.storeDir);
  await endProcesses(processesIn(storeDir, basename(options.binary).slice(0, 15)), ['SIGTERM']);
  await assertPortFree(port, 'NATS', 'MANDATE_NATS_PORT');
  await assertDiskSpace(storeDir, RUNNING_MIB);
  const configFile = options.configFile ?? join(dirname(storeDir), `${basename(storeDir)}.conf`);
  await writeFile(configFile, configuration({ ...options, storeDir }), { mode: 0o600 });
  const child = await startChild({
    command: options.binary,
    args: ['-c', await realpath(configFile)],
    cwd: storeDir,
    logFile: options.logFile ?? `${storeDir}.log`,
    stopSignals: ['SIGTERM'],
    stopTimeoutMs: STOP_TIMEOUT_MS,
    onSpawn: options.onSpawn,
  });
  let ended = false;
  void child.exited.then(() => (ended = true));
  for (const giveUpAt = performance.now() + READY_TIMEOUT_MS; !(await greets(port)); await delay(POLL_MS)) {
    if (!ended && performance.now() < giveUpAt) continue;
    await child.stop();
    const output = child.lastOutput();
    if (/no space left on device/i.test(output)) throw diskFull(storeDir, tail(output, 1));
    throw new AppError('NATS_FAILED', 'unavailable', `nats-server did not start. What it last said:\n${tail(output)}`, { storeDir });
  }
  return { url: `nats://127.0.0.1:${port}`, pid: child.pid, exited: child.exited, stop: () => child.stop() };
};
