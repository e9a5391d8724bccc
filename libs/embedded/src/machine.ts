/** What the machine must offer before a server can start, said clearly when it does not. */
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { AppError } from '@mandate/kernel';

const MIB = 1024 * 1024;

/** Throws AppError `PORT_IN_USE` (or `NO_PERMISSION` for a privileged port) unless 127.0.0.1:`port` can be listened on. */
export const assertPortFree = (port: number, what: string, setting: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EACCES' ? 'NO_PERMISSION' : 'PORT_IN_USE';
      const problem = error.code === 'EACCES' ? 'needs privileges' : 'is in use by another program';
      reject(
        new AppError(code, 'unavailable', `Port ${port} for ${what} ${problem}. Choose another one with ${setting}.`, { port, setting }),
      );
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });

/** Throws AppError `DISK_FULL` when fewer than `mib` MiB are free where `path` lies. */
export const assertDiskSpace = async (path: string, mib: number): Promise<void> => {
  const { bavail, bsize } = await statfs(path);
  const free = Math.floor((bavail * bsize) / MIB);
  if (free < mib) throw diskFull(path, `${free} MiB are free, ${mib} MiB are needed`);
};

export const diskFull = (path: string, detail: string, cause?: unknown): AppError =>
  new AppError(
    'DISK_FULL',
    'unavailable',
    `The disk that holds ${path} is full (${detail}). Free some space there, or put the state elsewhere with MANDATE_HOME.`,
    { path },
    { cause },
  );

/** Turns what the file system says into an AppError that says what to do; other errors pass through. */
export const explainFileError = (path: string, error: unknown): unknown => {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, code, error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new AppError(
      'NO_PERMISSION',
      'forbidden',
      `No permission to write ${path}. Run as its owner, or choose another directory with MANDATE_HOME.`,
      { path },
      { cause: error },
    );
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'ENAMETOOLONG')
    return new AppError(
      'NO_PERMISSION',
      'forbidden',
      `${path} cannot be a directory (${code}). Choose another one with MANDATE_HOME.`,
      { path },
      { cause: error },
    );
  return error;
};
