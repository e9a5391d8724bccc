/** Keys and files that an auditor names on the command line. What is wrong with them is wrong use, not tampering. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fromUtf8, noteVerifiers, TreeHasher, type NoteVerifier, type Trust } from '@mandate/audit-log';
import { AppError } from '@mandate/kernel';
import { nodeCrypto } from '@mandate/signing';
import type { Command } from 'commander';
import { CliError, EXIT } from '../exit.js';

export const hasher = new TreeHasher(nodeCrypto.sha256);

export interface TrustOptions {
  vkey: string[];
  witness: string[];
  quorum?: string;
  origin?: string;
}

export const collect = (value: string, all: string[]): string[] => [...all, value];

export const withTrustOptions = (command: Command): Command =>
  command
    .option('--vkey <key>', 'public key of the log, or a file that holds it; may be given again', collect, [])
    .option('--witness <key>', 'public key of a witness that must have cosigned; may be given again', collect, [])
    .option('--quorum <n>', 'how many of the witnesses must have; default all')
    .option('--origin <name>', 'name of the log, where a key signs for several');

export const usage = (code: string, message: string, hint?: string): CliError => new CliError(code, message, EXIT.usage, hint);

export const readFileOf = (cwd: string, file: string): Uint8Array => {
  try {
    return readFileSync(resolve(cwd, file));
  } catch (error) {
    throw usage('FILE_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`);
  }
};

const HOW_TO_GET = 'mandate audit vkey shows it; keep it where nobody else can change it';

/** Throws CliError with the status of wrong use. */
export const trustOf = (cwd: string, { vkey, witness, quorum, origin }: TrustOptions): Trust => {
  if (vkey.length === 0) throw usage('NO_KEY', 'name the log’s public key with --vkey', HOW_TO_GET);
  return {
    log: keysOf(cwd, vkey),
    witnesses: keysOf(cwd, witness),
    ...(quorum === undefined ? {} : { quorum: countOf(quorum, '--quorum') }),
    ...(origin === undefined ? {} : { origin }),
  };
};

export const keysOf = (cwd: string, texts: readonly string[]): NoteVerifier[] => texts.flatMap((text) => keysNamed(cwd, text));

/** A key, or a file that holds one a line. */
const keysNamed = (cwd: string, text: string): NoteVerifier[] => {
  const isFile = existsSync(resolve(cwd, text));
  const keys = isFile ? linesIn(readFileOf(cwd, text)) : [text];
  if (keys.length === 0) throw usage('NO_KEY', `${text} holds no key`, HOW_TO_GET);
  try {
    return noteVerifiers(nodeCrypto, keys);
  } catch (error) {
    if (error instanceof AppError) throw usage(error.code, error.message, isFile ? undefined : 'there is no file of that name either');
    throw error;
  }
};

const linesIn = (bytes: Uint8Array): string[] =>
  (fromUtf8(bytes) ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

export const countOf = (text: string, what: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw usage('NOT_A_NUMBER', `${what} must be a whole number`);
  return Number(text);
};
