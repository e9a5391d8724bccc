/** What must survive every restart: the first administrator's key and the master key. Both are readable by their owner only. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AppError } from '@mandate/kernel';
import { readIfThere, writeDurably } from '@mandate/signing';

export interface Credentials {
  apiUrl: string;
  natsUrl: string;
  apiKey: string;
  tenant: string;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 10;
const SECRET_LENGTH = 32;
const CHECK_LENGTH = 6;
/** Bytes from here on are thrown away: 248 = 4 x 62, so that no character is likelier than another. */
const UNBIASED = 248;

const randomText = (length: number): string => {
  let text = '';
  while (text.length < length) for (const byte of randomBytes(length)) if (byte < UNBIASED) text += ALPHABET[byte % ALPHABET.length];
  return text.slice(0, length);
};

/** A checksum lets a secret scanner tell a key from noise without asking anybody. */
const checksum = (text: string): string => {
  let digits = '';
  for (let rest = crc32(text); digits.length < CHECK_LENGTH; rest = Math.floor(rest / ALPHABET.length))
    digits = ALPHABET[rest % ALPHABET.length] + digits;
  return digits;
};

/** `mdt_live_<id><secret><checksum>`: 10, 32 and 6 characters of base 62. */
export const newApiKey = (): string => {
  const key = `mdt_live_${randomText(ID_LENGTH)}${randomText(SECRET_LENGTH)}`;
  return key + checksum(key);
};

const keptKey = (file: string, text: string | undefined): string | undefined => {
  if (text === undefined) return undefined;
  try {
    const { apiKey } = JSON.parse(text) as Partial<Credentials>;
    if (typeof apiKey === 'string' && apiKey.length > 0) return apiKey;
  } catch {
    // said below
  }
  throw new AppError('CREDENTIALS_UNREADABLE', 'invalid', `${file} holds no key. Restore it, or delete it to get a new key.`, { file });
};

/** Keeps the key of earlier starts and writes today's addresses. Throws AppError `CREDENTIALS_UNREADABLE`. */
export const keepCredentials = async (home: string, addresses: Pick<Credentials, 'apiUrl' | 'natsUrl'>): Promise<Credentials> => {
  const file = join(home, 'credentials.json');
  const text = await readIfThere(file);
  const credentials = { ...addresses, apiKey: keptKey(file, text) ?? newApiKey(), tenant: 'default' };
  const wanted = `${JSON.stringify(credentials, null, 2)}\n`;
  if (text !== wanted) await writeDurably(file, wanted);
  return credentials;
};

/** Under which name services work in the embedded database: they append and read, and never change an event. */
export const SERVICE_USER = 'mandate_app';

/** The address for services, from the owner's: another user, whose password is made on the first start and kept. */
export const serviceUrl = async (home: string, ownerUrl: string): Promise<string> => {
  const file = join(home, 'database-service.password');
  const kept = (await readIfThere(file))?.trim();
  const password = kept || randomText(SECRET_LENGTH);
  if (!kept) await writeDurably(file, `${password}\n`);
  const url = new URL(ownerUrl);
  url.username = SERVICE_USER;
  url.password = password;
  return url.href;
};

export const masterKeyFile = (home: string): string => join(home, 'master.key');

/**
 * Makes the master key on the first start. `holdsData` is asked only when there is none: with data and no key, a new key would
 * hide that all personal data is unreadable, so it throws AppError `MASTER_KEY_MISSING` instead.
 */
export const keepMasterKey = async (file: string, holdsData: () => Promise<boolean>): Promise<void> => {
  if ((await readIfThere(file)) !== undefined) return;
  if (await holdsData())
    throw new AppError(
      'MASTER_KEY_MISSING',
      'invalid',
      `The database holds data, but ${file}, the key to its personal fields, is gone. Put the key back (a backup, the home it was made in), or begin with an empty database.`,
      { file },
    );
  await writeDurably(file, `${randomBytes(32).toString('hex')}\n`);
};
