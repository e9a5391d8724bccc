/** One `up` a state directory. */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@mandate/kernel';
import { identify, isAlive, type ProcessIdentity } from './identity.js';

const readHolder = async (file: string): Promise<ProcessIdentity | undefined> => {
  try {
    const holder = JSON.parse(await readFile(file, 'utf8')) as Partial<ProcessIdentity>;
    const { pid, startTime, bootId } = holder;
    return typeof pid === 'number' && typeof startTime === 'string' && typeof bootId === 'string' ? { pid, startTime, bootId } : undefined;
  } catch {
    return undefined; // gone, or cut short by a full disk: in both cases nobody holds it
  }
};

/**
 * Takes the lock for this process. A lock whose holder is dead, or whose pid now belongs to another process, is replaced.
 * Throws AppError `HOME_LOCKED` when a live process holds it. Answers how to release it.
 */
export const lockHome = async (file: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(file), { recursive: true });
  const mine = `${file}.${process.pid}`;
  await writeFile(mine, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    // Linking fails when the name exists, and what it makes is complete at once: nobody ever reads half a lock.
    while (!(await link(mine, file).then(() => true, ifExists))) {
      const holder = await readHolder(file);
      if (holder && isAlive(holder)) throw locked(file, holder.pid);
      await rename(file, `${mine}.dead`).catch(() => undefined); // another starter may have been quicker
      await rm(`${mine}.dead`, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
  return () => rm(file, { force: true });
};

const ifExists = (error: NodeJS.ErrnoException): boolean => {
  if (error.code === 'EEXIST') return false;
  throw error;
};

const locked = (file: string, pid: number): AppError =>
  new AppError(
    'HOME_LOCKED',
    'conflict',
    `Mandate already runs on this state directory (process ${pid}, lock ${file}). Use the running one, stop it first, or choose another directory with MANDATE_HOME and other ports.`,
    { pid },
  );
