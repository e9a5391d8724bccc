/** `mandate audit verify`: offline, with public keys alone; only `--database` needs the database. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isFailure, parseReceipt, toHex, verifyLog, verifyProof, type About, type Trust } from '@mandate/audit-log';
import type { CommandContext, Register } from '../commands/context.js';
import { ofReceipt } from './receipt.js';
import { ofExport } from './verify-export.js';
import { collect, countOf, hasher, readFileOf, trustOf, usage, withTrustOptions, type TrustOptions } from './trust.js';
import { verifyDatabase } from './verify-database.js';
import { checkpointFacts, tell, type Verdict } from './verdict.js';

interface VerifyOptions extends TrustOptions {
  proof?: string;
  receipt?: string;
  export?: string;
  exportProof?: string;
  entry?: string;
  leafHash?: string;
  log?: string;
  minimumIndex?: string;
  archive?: string;
  database?: string | true;
  checkpoint: string[];
  json?: boolean;
}

export const registerVerify: Register = (program, context) => {
  const command = program
    .command('verify')
    .description('check a proof or a whole log, with a public key and no access to us; 0 intact, 1 tampered, 2 wrong use')
    .option('--proof <file>', 'a tlog-proof file, as mandate audit prove writes it')
    .option('--receipt <file>', 'a receipt, as mandate audit receipt writes it')
    .option('--export <file>', 'an exported file, as mandate audit export --out writes it, with its proof beside it')
    .option('--export-proof <file>', 'the proof of the export; default <file>.proof')
    .option('--entry <file>', 'the entry that the proof is about, where it does not carry it')
    .option('--leaf-hash <hex>', 'or its leaf hash')
    .option('--log <folder>', 'a log in the layout of C2SP tlog-tiles, whoever wrote it')
    .option('--database [address]', 'the log in its database; default DATABASE_URL, else the one of npm start')
    .option('--checkpoint <file>', 'a checkpoint that was kept elsewhere, to compare the database with; may be given again', collect, [])
    .option('--minimum-index <n>', 'entries below it may have been pruned from the folder or dropped from the database')
    .option(
      '--archive <folder>',
      'where retention archived what it dropped, should a retention have broken off; default: that of this machine',
    )
    .option('--json', 'print JSON on standard output and nothing else');
  withTrustOptions(command).action(async (options: VerifyOptions) => tell(context, await verdictOf(context, options), options.json));
};

const TARGETS = ['proof', 'receipt', 'export', 'log', 'database'] as const;

const verdictOf = async (context: CommandContext, options: VerifyOptions): Promise<Verdict> => {
  const { cwd } = context.surroundings;
  const [target, ...more] = TARGETS.filter((name) => options[name] !== undefined);
  if (target === undefined || more.length > 0)
    throw usage('NOTHING_TO_VERIFY', `name one of ${TARGETS.map((name) => `--${name}`).join(', ')}`);
  if (target === 'database')
    return verifyDatabase(context.surroundings, options.vkey.length > 0 ? trustOf(cwd, options) : null, {
      database: options.database as string | true,
      checkpoint: options.checkpoint,
      minimumIndex: minimumOf(options),
      ...(options.archive === undefined ? {} : { archive: resolve(cwd, options.archive) }),
    });
  const trust = trustOf(cwd, options);
  switch (target) {
    case 'proof':
      return ofProof(cwd, options.proof as string, trust, options);
    case 'receipt':
      return ofReceipt(cwd, options.receipt as string, trust);
    case 'export':
      return ofExport(cwd, options.export as string, trust, options.exportProof);
    case 'log':
      return ofLog(context, options.log as string, trust, minimumOf(options));
  }
};

const minimumOf = ({ minimumIndex }: VerifyOptions): number => (minimumIndex === undefined ? 0 : countOf(minimumIndex, '--minimum-index'));

const ofProof = (cwd: string, file: string, trust: Trust, { entry, leafHash }: VerifyOptions): Verdict => {
  if (parseReceipt(readFileOf(cwd, file)) !== null) return ofReceipt(cwd, file, trust);
  if (leafHash !== undefined && !/^[0-9a-f]{64}$/i.test(leafHash)) throw usage('BAD_HASH', '--leaf-hash is 64 hexadecimal digits');
  const about: About = {
    ...(entry === undefined ? {} : { entry: readFileOf(cwd, entry) }),
    ...(leafHash === undefined ? {} : { leafHash: Buffer.from(leafHash, 'hex') }),
  };
  const proven = verifyProof(hasher, readFileOf(cwd, file), trust, about);
  if (isFailure(proven)) return { verified: 'proof', failures: [{ ...proven, at: file }], facts: {} };
  const facts = {
    position: (proven.index + 1n).toString(),
    leafHash: toHex(proven.leafHash),
    ...checkpointFacts(proven.checkpoint),
    ...(proven.entry ? { event: eventIn(proven.entry) } : {}),
  };
  return { verified: 'proof', failures: [], facts };
};

/** What the entry says, when it is an event of ours. */
const eventIn = (entry: Uint8Array): unknown => {
  try {
    const { id, type, stream, version, occurredAt, actor, outcome } = JSON.parse(Buffer.from(entry).toString('utf8')) as Record<
      string,
      unknown
    >;
    return { id, type, stream, version, occurredAt, actor, outcome };
  } catch {
    return { bytes: entry.length };
  }
};

const PROGRESS_EVERY = 262_144n;

const ofLog = ({ output, surroundings: { cwd } }: CommandContext, folder: string, trust: Trust, minimumIndex: number): Verdict => {
  const path = resolve(cwd, folder);
  if (!existsSync(path) || !statSync(path).isDirectory()) throw usage('FILE_UNREADABLE', `${folder} is no folder`);
  const { checkpoint, entries, tiles, failures } = verifyLog(hasher, (name) => readIfThere(join(path, name)), trust, {
    minimumIndex: BigInt(minimumIndex),
    onProgress: (seen) => {
      if (output.isTerminal && seen % PROGRESS_EVERY === 0n) output.error(`${seen} entries …`);
    },
  });
  const facts = { ...(checkpoint ? checkpointFacts(checkpoint) : {}), entries: entries.toString(), tiles: tiles.toString() };
  return { verified: 'log', failures, facts };
};

const readIfThere = (path: string): Uint8Array | null => {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw error;
  }
};
