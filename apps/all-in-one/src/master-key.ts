import { readFile } from 'node:fs/promises';
import { AppError } from '@mandate/kernel';

const KEY = /^[0-9a-f]{64}$/i;

/** The master key in hex. Throws AppError `MASTER_KEY_UNREADABLE`, never with what the file holds. */
export const readMasterKey = async (file: string): Promise<string> => {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('MASTER_KEY_UNREADABLE', 'invalid', `MANDATE_MASTER_KEY_FILE: cannot read ${file} (${cause.code ?? cause.message})`);
  });
  if (!KEY.test(text.trim()))
    throw new AppError(
      'MASTER_KEY_UNREADABLE',
      'invalid',
      `MANDATE_MASTER_KEY_FILE: ${file} must hold 32 bytes in hex; make one with: openssl rand -hex 32`,
    );
  return text.trim().toLowerCase();
};
