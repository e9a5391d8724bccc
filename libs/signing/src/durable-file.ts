/** Files that must survive a crash whole: keys, and what somebody has signed. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Complete or not at all, and on the disk when this resolves: written beside, forced to the disk, renamed, and the folder forced too. */
export const writeDurably = async (file: string, text: string, mode = 0o600): Promise<void> => {
  const half = `${file}.new`;
  await rm(half, { force: true });
  await write(half, text, mode);
  await moveDurably(half, file);
};

/** Of a file or a folder, within one file system; on the disk when this resolves. A folder that is not empty is not replaced (`ENOTEMPTY`). */
export const moveDurably = async (from: string, to: string): Promise<void> => {
  await rename(from, to);
  const folder = await open(dirname(to));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

const write = async (file: string, text: string, mode: number): Promise<void> => {
  const handle = await open(file, 'wx', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

export const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)));
