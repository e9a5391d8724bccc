/** The embedded PostgreSQL server. */
import { readFile, rm, mkdir, realpath } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@mandate/kernel';
import { assertDiskSpace, assertPortFree, diskFull, explainFileError } from '../machine.js';
import { startChild, type Child, type Running } from '../process/child.js';
import { endProcesses, processesIn } from '../process/identity.js';
import { run, tail } from '../process/run.js';
import { serverAccount, type Account } from './account.js';
import { findBinaries, type Binaries } from './binaries.js';
import { DATABASE, ensureCluster, nameForServer, OWNER } from './cluster.js';

export interface PostgresOptions {
  /** Made when it is not there. */
  dataDir: string;
  port: number;
  /** Default: `<dataDir>.password`, mode 0600. */
  passwordFile?: string;
  /** Default: `<dataDir>.log`. */
  logFile?: string;
  /** Told what is being done, for a person to read. */
  log?: (line: string) => void;
  onSpawn?: (pid: number) => void;
  /** Only for tests: commits are not forced to the disk, so a crash of the machine (not of the process) loses them. */
  testing?: { fsync: false };
  /** More server settings, which win over ours. */
  settings?: Readonly<Record<string, string | number>>;
}

export interface RunningPostgres extends Running {
  /** `postgres://` address of the owner, who may do anything: for migrations. */
  readonly url: string;
  /** Whether the data directory was made by this start. */
  readonly created: boolean;
}

/** For a small machine that also runs everything else; durable. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 60,
  shared_buffers: '128MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  wal_compression: 'pglz',
  max_wal_size: '2GB',
  min_wal_size: '128MB',
  checkpoint_timeout: '15min',
  jit: 'off',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // Pages are written out ahead of need by a process of its own, not by the one that appends. At rest it sleeps.
  bgwriter_delay: '20ms',
  bgwriter_lru_maxpages: 500,
  bgwriter_lru_multiplier: 4,
  max_worker_processes: 4,
  max_parallel_workers: 2,
  autovacuum_naptime: '30s',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
} as const;

/** A commit is still written before it is answered, so a killed server loses nothing. */
const UNFORCED = { fsync: 'off', full_page_writes: 'off' } as const;

const RUNNING_MIB = 64;
/** Crash recovery after a SIGKILL replays up to max_wal_size. */
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 15;
/** Line of postmaster.pid that says how far the start is (PostgreSQL's pidfile.h: LOCK_FILE_LINE_PM_STATUS). */
const STATUS_LINE = 7;

const endLeftovers = async (dataDir: string, binaries: Binaries): Promise<void> => {
  const leftovers = processesIn(dataDir, basename(binaries.postgres));
  if (leftovers.length > 0) await endProcesses(leftovers, ['SIGINT', 'SIGQUIT']);
  // Nobody works there any more, so the lock file is dead; its pid may already be another program's, which PostgreSQL would take for itself.
  if (process.platform === 'linux') await rm(join(dataDir, 'postmaster.pid'), { force: true });
};

const isReady = async (dataDir: string, pid: number): Promise<boolean> => {
  const lines = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return Number(lines[0]) === pid && lines[STATUS_LINE]?.trim() === 'ready';
};

const didNotStart = (output: string, options: PostgresOptions): AppError => {
  if (/No space left on device|Disk quota exceeded/.test(output)) return diskFull(options.dataDir, tail(output, 1));
  const text = `PostgreSQL did not start. What it last said:\n${tail(output)}`;
  return new AppError('POSTGRES_FAILED', 'unavailable', text, { dataDir: options.dataDir });
};

const untilReady = async (child: Child, options: PostgresOptions, dataDir: string): Promise<void> => {
  let ended = false;
  void child.exited.then(() => (ended = true));
  for (const giveUpAt = performance.now() + READY_TIMEOUT_MS; !(await isReady(dataDir, child.pid)); await delay(POLL_MS)) {
    if (ended || performance.now() > giveUpAt) {
      await child.stop();
      throw didNotStart(child.lastOutput(), options);
    }
  }
};

const serve = async (options: PostgresOptions, binaries: Binaries, account: Account, dataDir: string): Promise<Child> => {
  const settings = { ...SETTINGS, ...(options.testing ? UNFORCED : {}), ...options.settings, port: options.port };
  return startChild({
    command: binaries.postgres,
    args: ['-D', await nameForServer(dataDir, account), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    cwd: dataDir,
    ...account,
    env: { ...process.env, LC_ALL: 'C', PGDATA: '' },
    logFile: options.logFile ?? `${options.dataDir}.log`,
    stopSignals: ['SIGINT', 'SIGQUIT'], // fast shutdown, then immediate
    stopTimeoutMs: STOP_TIMEOUT_MS,
    onSpawn: options.onSpawn,
  });
};

/**
 * Starts PostgreSQL on loopback and resolves when it accepts connections to the database `mandate`. A server that an earlier,
 * killed run left on the same data directory is ended first.
 * Throws AppError `PORT_IN_USE`, `DISK_FULL`, `NO_PERMISSION`, `DATA_DIRECTORY_INCOMPLETE`, `NO_POSTGRES_USER`, `POSTGRES_MISSING` or `POSTGRES_FAILED`.
 */
export const startPostgres = async (options: PostgresOptions): Promise<RunningPostgres> => {
  const report = options.log ?? ((): void => undefined);
  const parent = dirname(options.dataDir);
  try {
    await mkdir(parent, { recursive: true });
    const account = await serverAccount(run, report);
    const binaries = await findBinaries(account, join(parent, 'bin'), report);
    const dataDir = join(await realpath(parent), basename(options.dataDir));
    if (existsSync(dataDir)) await endLeftovers(dataDir, binaries);
    await assertPortFree(options.port, 'PostgreSQL', 'MANDATE_PG_PORT');
    await assertDiskSpace(parent, RUNNING_MIB);
    const passwordFile = options.passwordFile ?? `${options.dataDir}.password`;
    const cluster = await ensureCluster({ dataDir, passwordFile, binaries, account, run, sync: !options.testing, report });
    const child = await serve(options, binaries, account, dataDir);
    await untilReady(child, options, dataDir);
    const url = `postgres://${OWNER}:${cluster.password}@127.0.0.1:${options.port}/${DATABASE}`;
    return { url, pid: child.pid, exited: child.exited, stop: () => child.stop(), created: cluster.created };
  } catch (error) {
    throw explainFileError(options.dataDir, error);
  }
};
