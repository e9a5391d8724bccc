/** Where the API is and with which key: the environment first, then `.mandate/credentials.json` here or in a folder above. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CliError, EXIT } from './exit.js';

export const DEFAULT_API_URL = 'http://127.0.0.1:7400';

export interface Access {
  apiUrl: string;
  apiKey: string | null;
  /** Where this was found, for messages. */
  source: string;
}

export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
}

interface Credentials {
  apiUrl?: unknown;
  apiKey?: unknown;
}

export const surroundings = (): Surroundings => ({ env: process.env, cwd: process.cwd() });

export const findAccess = ({ env, cwd }: Surroundings): Access => {
  const found = findCredentials(env['MANDATE_HOME'], cwd);
  const url = env['MANDATE_API_URL'] || found?.apiUrl || DEFAULT_API_URL;
  if (!URL.canParse(url))
    throw new CliError('BAD_API_URL', `"${url}" is not a URL; set MANDATE_API_URL to something like ${DEFAULT_API_URL}`, EXIT.usage);
  // A key goes only to the server that it was made for.
  const stored = found && new URL(found.apiUrl).origin === new URL(url).origin ? found.apiKey : null;
  return {
    apiUrl: url,
    apiKey: env['MANDATE_API_KEY'] || stored,
    source: env['MANDATE_API_URL'] ? 'MANDATE_API_URL' : (found?.file ?? 'the default'),
  };
};

const findCredentials = (home: string | undefined, cwd: string): { apiUrl: string; apiKey: string | null; file: string } | null => {
  for (const file of home ? [join(resolve(cwd, home), 'credentials.json')] : candidates(cwd)) {
    const text = readIfThere(file);
    if (text === null) continue;
    const { apiUrl, apiKey } = parseCredentials(text, file);
    if (typeof apiUrl !== 'string' || !URL.canParse(apiUrl)) throw unreadable(file);
    return { apiUrl, apiKey: typeof apiKey === 'string' ? apiKey : null, file };
  }
  return null;
};

const candidates = (cwd: string): string[] => {
  const files: string[] = [];
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    files.push(join(folder, '.mandate', 'credentials.json'));
    if (dirname(folder) === folder) return files;
  }
};

const readIfThere = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return null;
    throw new CliError('CREDENTIALS_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`, EXIT.usage);
  }
};

const parseCredentials = (text: string, file: string): Credentials => {
  try {
    return JSON.parse(text) as Credentials;
  } catch {
    throw unreadable(file);
  }
};

const unreadable = (file: string): CliError =>
  new CliError('CREDENTIALS_UNREADABLE', `${file} is not what npm start writes; delete it and run npm start again`, EXIT.usage);
