/** Heads to compare the database with: from files, from the signer's memory where it is at hand, and the one that the database shows itself. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isFailure, openCheckpoint, utf8, type Failure, type KeptHead, type Trust } from '@mandate/audit-log';
import type pg from 'pg';
import type { Surroundings } from '../config.js';
import { readSettings } from '../up/settings.js';
import { keysOf, readFileOf, usage } from './trust.js';

export interface KeptHeads {
  heads: KeptHead[];
  /** Of those that cannot be believed: a key that is not trusted signed the database's own one if the log was signed anew. */
  failures: Failure[];
}

/** Without a key it takes the one of the signer on this machine; without that nothing that is signed is looked at. */
export const keptHeads = async (
  client: pg.Client,
  surroundings: Surroundings,
  named: Trust | null,
  files: readonly string[],
): Promise<KeptHeads> => {
  const local = await localSigner(client, surroundings);
  const trust = named ?? (local && { log: keysOf(surroundings.cwd, [local.vkey]) });
  if (trust === null && files.length > 0) throw usage('NO_KEY', 'name the log’s public key with --vkey to compare with a checkpoint');
  if (trust === null) return { heads: [], failures: [] };
  const { rows } = await client.query<{ checkpoint: string | null }>('SELECT checkpoint FROM audit.log_tree WHERE log_id = 1');
  const shown = rows[0]?.checkpoint ?? null;
  const all = [
    ...[...files, ...(local ? [local.memory] : [])].map((file) => ({ name: file, bytes: readFileOf(surroundings.cwd, file) })),
    ...(shown === null ? [] : [{ name: 'audit.log_tree', bytes: utf8(shown) }]),
  ];
  const opened = all.map(({ name, bytes }) => ({ name, head: openCheckpoint(bytes, trust, name) }));
  return {
    heads: opened.flatMap(({ name, head }) => (isFailure(head) ? [] : [{ name, size: head.size, root: head.root }])),
    failures: opened.flatMap(({ head }) => (isFailure(head) ? [head] : [])),
  };
};

/** Files of the signer of this log, where its state is on this machine. */
const localSigner = async (client: pg.Client, { env, cwd }: Surroundings): Promise<{ vkey: string; memory: string } | null> => {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM es.log WHERE log_id = 1');
  const folder = join(stateFolderOf({ env, cwd }), 'signing', rows[0]?.name ?? '');
  const [vkey, memory] = [join(folder, 'log.vkey'), join(folder, 'signed')];
  return existsSync(vkey) && existsSync(memory) ? { vkey, memory } : null;
};

const stateFolderOf = ({ env, cwd }: Surroundings): string =>
  env['MANDATE_STATE_DIR'] ? resolve(cwd, env['MANDATE_STATE_DIR']) : join(readSettings(env, cwd).home, 'state');

/** Where the service of this machine archives what it drops. */
export const archiveFolderOf = (surroundings: Surroundings): string => {
  const { env, cwd } = surroundings;
  return env['MANDATE_ARCHIVE_DIR'] ? resolve(cwd, env['MANDATE_ARCHIVE_DIR']) : join(stateFolderOf(surroundings), 'archive');
};
