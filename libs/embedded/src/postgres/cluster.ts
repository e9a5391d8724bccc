/** A data directory: made whole or not at all, recognised when it is half made, repaired where nothing can be lost. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@mandate/kernel';
import { assertDiskSpace, diskFull } from '../machine.js';
import { endProcesses, processesIn } from '../process/identity.js';
import { tail, type Run } from '../process/run.js';
import { isReachable, type Account } from './account.js';
import type { Binaries } from './binaries.js';

export const OWNER = 'mandate';
export const DATABASE = 'mandate';

/** initdb writes about 40 MiB; the write-ahead log needs room from the first minute on. */
const FIRST_START_MIB = 300;
/** template1, template0 and postgres (PostgreSQL's pg_database.dat): all that initdb makes. */
const INITIAL_DATABASES = ['1', '4', '5'];

export interface ClusterOptions {
  dataDir: string;
  passwordFile: string;
  binaries: Binaries;
  account: Account;
  run: Run;
  /** Only for tests: nothing is forced to the disk. */
  sync: boolean;
  report: (line: string) => void;
}

/**
 * How the server's user names its data directory. Every process of PostgreSQL stands in it, so where the way there is barred to that
 * user (a home below /root), it can still be named through the process's own working directory, which we set while we are root.
 */
export const nameForServer = async (dataDir: string, account: Account): Promise<string> =>
  (await isReachable(dataDir, account)) ? dataDir : '/proc/self/cwd';

type Condition = 'absent' | 'whole' | 'never-used' | 'damaged';

const inspect = async (dataDir: string): Promise<Condition> => {
  if (!existsSync(dataDir)) return 'absent';
  const entries = await readdir(dataDir);
  if (entries.length === 0) return 'never-used';
  if (existsSync(join(dataDir, 'PG_VERSION')) && existsSync(join(dataDir, 'global/pg_control'))) return 'whole';
  if (!entries.includes('base') && !entries.includes('PG_VERSION')) return 'damaged'; // not a data directory at all
  const databases = await readdir(join(dataDir, 'base')).catch(() => []);
  return databases.some((oid) => /^\d+$/.test(oid) && !INITIAL_DATABASES.includes(oid)) ? 'damaged' : 'never-used';
};

const damaged = (dataDir: string): AppError =>
  new AppError(
    'DATA_DIRECTORY_INCOMPLETE',
    'unavailable',
    `${dataDir} is not a complete PostgreSQL data directory, and it may hold data, so it is left alone. Restore it from a backup, or move it away to begin anew.`,
    { dataDir },
  );

const ownedBy = async (path: string, { uid, gid }: Account): Promise<void> => {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
};

const asServer = (options: ClusterOptions, cwd: string) => ({
  cwd,
  ...options.account,
  env: { ...process.env, LC_ALL: 'C' },
  timeoutMs: 120_000,
});

/** Runs SQL in a server without connections, which is how the first password comes in before anything listens. */
const runSingleUser = async (options: ClusterOptions, dir: string, sql: readonly string[]): Promise<void> => {
  const name = await nameForServer(dir, options.account);
  const args = ['--single', '-D', name, ...(options.sync ? [] : ['-c', 'fsync=off']), '-c', 'exit_on_error=on', 'postgres'];
  const { status, output } = await options.run(options.binaries.postgres, args, {
    ...asServer(options, dir),
    input: `${sql.join('\n')}\n`,
  });
  if (status !== 0) throw failed(dir, output);
};

const failed = (dir: string, output: string): AppError =>
  /No space left on device|Disk quota exceeded/.test(output)
    ? diskFull(dir, tail(output, 1))
    : new AppError('POSTGRES_FAILED', 'unavailable', `PostgreSQL's data directory could not be made:\n${tail(output)}`);

const setPassword = (password: string): string => `ALTER ROLE ${OWNER} PASSWORD '${password}';`;

/** Loopback only, and never without the password. */
const CLIENTS = `host all all 127.0.0.1/32 scram-sha-256\n`;

const create = async (options: ClusterOptions, password: string): Promise<void> => {
  const { dataDir, account, binaries, sync } = options;
  const half = `${dataDir}.new`;
  const leftovers = ['initdb', 'postgres'].flatMap((program) => processesIn(half, program)); // of an attempt whose starter was killed
  await endProcesses(leftovers, []);
  await rm(half, { recursive: true, force: true });
  await assertDiskSpace(dirname(dataDir), FIRST_START_MIB);
  await mkdir(half, { mode: 0o700 });
  await ownedBy(half, account);
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = [`--pgdata=${await nameForServer(half, account)}`, `--username=${OWNER}`, '--auth=trust', '--no-instructions', ...locale];
  const { status, output } = await options.run(binaries.initdb, [...args, ...(sync ? [] : ['--no-sync'])], asServer(options, half));
  if (status !== 0) throw failed(dataDir, output);
  await runSingleUser(options, half, [setPassword(password), `CREATE DATABASE ${DATABASE};`]);
  await writeFile(join(half, 'pg_hba.conf'), CLIENTS);
  await rename(half, dataDir); // from here on it counts as data
};

const keepPassword = async (file: string): Promise<{ password: string; isNew: boolean }> => {
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? '' : Promise.reject(error)));
  if (kept.trim()) return { password: kept.trim(), isNew: false };
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return { password, isNew: true };
};

/**
 * Makes sure of a whole data directory and answers its owner's password.
 * Throws AppError `DATA_DIRECTORY_INCOMPLETE` when it is damaged, `DISK_FULL` or `POSTGRES_FAILED` when it cannot be made.
 */
export const ensureCluster = async (options: ClusterOptions): Promise<{ password: string; created: boolean }> => {
  const { dataDir, report } = options;
  await mkdir(dirname(dataDir), { recursive: true });
  const condition = await inspect(dataDir);
  if (condition === 'damaged') throw damaged(dataDir);
  if (condition === 'whole') {
    if ((await stat(dataDir)).uid !== (options.account.uid ?? process.getuid?.())) await refuseOtherOwner(dataDir);
    const { password, isNew } = await keepPassword(options.passwordFile);
    if (isNew) await runSingleUser(options, dataDir, [setPassword(password)]);
    return { password, created: false };
  }
  if (condition === 'never-used') {
    report('An earlier start was interrupted before the database held any data; it is made anew');
    await rm(dataDir, { recursive: true });
  }
  const { password } = await keepPassword(options.passwordFile);
  await create(options, password);
  return { password, created: true };
};

const refuseOtherOwner = async (dataDir: string): Promise<never> => {
  throw new AppError(
    'NO_PERMISSION',
    'forbidden',
    `${dataDir} belongs to another user. Start as the user who made it, or choose another directory with MANDATE_HOME.`,
    { dataDir },
  );
};
