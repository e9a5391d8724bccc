/** The operating system's user that PostgreSQL runs as: it refuses to be root. */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@mandate/kernel';
import type { Run } from '../process/run.js';

/** Both are undefined for the user that we are ourselves. */
export interface Account {
  uid?: number;
  gid?: number;
}

const NAME = 'postgres';

const look = async (run: Run, name: string): Promise<Account | undefined> => {
  const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])));
  const [uid, gid] = ids.map(({ status, stdout }) => (status === 0 ? Number(stdout) : 0));
  return uid && gid ? { uid, gid } : undefined;
};

/**
 * Root gets the system user `postgres`, which is made when there is none (initdb needs a name in the user database, so a free number
 * would not do). Throws AppError `NO_POSTGRES_USER` when it cannot be made.
 */
export const serverAccount = async (run: Run, report: (line: string) => void, ownUid = process.getuid?.()): Promise<Account> => {
  if (ownUid !== 0) return {};
  const existing = await look(run, NAME);
  if (existing) return existing;
  report(`PostgreSQL refuses to run as root: making the system user "${NAME}" for it`);
  const made = await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', NAME]);
  const account = await look(run, NAME);
  if (account) return account;
  throw new AppError(
    'NO_POSTGRES_USER',
    'unavailable',
    `PostgreSQL refuses to run as root, and the user "${NAME}" could not be made (${made.output.trim()}). Make it, run as an ordinary user, or name a server with DATABASE_URL.`,
  );
};

const SEARCH_BY_OTHERS = 0o1;
const SEARCH_BY_GROUP = 0o10;
const SEARCH_BY_OWNER = 0o100;

/** Whether `account` can follow the path from the root directory to this file or directory. */
export const isReachable = async (path: string, account: Account): Promise<boolean> => {
  if (account.uid === undefined) return true;
  for (let here = await realpath(path); ; here = dirname(here)) {
    const { mode, uid, gid } = await stat(here);
    const needed = uid === account.uid ? SEARCH_BY_OWNER : gid === account.gid ? SEARCH_BY_GROUP : SEARCH_BY_OTHERS;
    if ((mode & needed) === 0) return false;
    if (here === dirname(here)) return true;
  }
};
