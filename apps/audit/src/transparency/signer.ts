/** Signs the log's head. Key and memory lie in a folder of its own, out of reach of whoever administers the database. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  consistencyFailure,
  formatCheckpoint,
  formatSignature,
  formatSignerKey,
  formatVerifierKey,
  isFailure,
  KEY_TYPES,
  noteVerifier,
  openCheckpoint,
  parseSignerKey,
  sameBytes,
  signedText,
  utf8,
  type Failure,
  type SignedCheckpoint,
  type Signer,
  type TreeHasher,
} from '@mandate/audit-log';
import { AppError } from '@mandate/kernel';
import { moveDurably, nodeCrypto, readIfThere, writeDurably } from '@mandate/signing';
import { inconsistent } from './tree.js';

export interface SignedTree {
  size: bigint;
  root: Uint8Array;
}

/** The hashes that lead from the tree of the first size to that of the second. */
export type ProveConsistency = (oldSize: bigint, size: bigint) => Promise<readonly Uint8Array[]>;

export class LogSigner {
  private constructor(
    private readonly hasher: TreeHasher,
    private readonly signer: Signer,
    private readonly memory: string,
  ) {}

  /**
   * With the key of the folder; on the first start it makes one under the name `origin`. Key and memory appear at once, so that a key without a memory
   * means that the memory was lost, and of several processes that start together one makes them for all. Throws AppError `BAD_SIGNER_KEY`.
   */
  static async open(hasher: TreeHasher, folder: string, origin: string): Promise<LogSigner> {
    const keyFile = join(folder, 'log.key');
    const kept = (await readIfThere(keyFile)) ?? (await LogSigner.make(hasher, folder, origin), await readIfThere(keyFile));
    if (kept === undefined)
      throw new AppError(
        'BAD_SIGNER_KEY',
        'internal',
        `${folder} holds files and no log.key: restore it from a backup, or move the folder away`,
      );
    return new LogSigner(hasher, parseSignerKey(nodeCrypto, kept), join(folder, 'signed'));
  }

  /** In a folder beside, which takes its place unless another process was faster. */
  private static async make(hasher: TreeHasher, folder: string, origin: string): Promise<void> {
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
    const made = await mkdtemp(`${folder}-`);
    const text = formatSignerKey(nodeCrypto, origin, KEY_TYPES.ed25519, randomBytes(32));
    const signer = parseSignerKey(nodeCrypto, text);
    const nothing = formatCheckpoint({ origin: signer.key.name, size: 0n, root: hasher.empty() });
    await writeDurably(join(made, 'signed'), signedText(signer, nothing));
    await writeDurably(join(made, 'log.vkey'), `${formatVerifierKey(signer.key)}\n`);
    await chmod(join(made, 'log.vkey'), 0o644);
    await writeDurably(join(made, 'log.key'), `${text}\n`);
    try {
      await moveDurably(made, folder);
    } catch (error) {
      await rm(made, { recursive: true });
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  /** The log's name, for good. */
  get origin(): string {
    return this.signer.key.name;
  }

  get vkey(): string {
    return formatVerifierKey(this.signer.key);
  }

  /** That the head which the database shows, if any, was signed by this key. Throws AppError `STATE_NOT_SHARED`. */
  assertOwn(shown: string | null): void {
    if (shown === null || !isFailure(this.opened(shown))) return;
    throw new AppError(
      'STATE_NOT_SHARED',
      'unavailable',
      `the log is signed with another key than ${dirname(this.memory)} holds: all audit services of one log need the same MANDATE_STATE_DIR`,
    );
  }

  private opened(text: string): SignedCheckpoint | Failure {
    return openCheckpoint(utf8(text), { log: [noteVerifier(nodeCrypto, this.signer.key)], origin: this.origin });
  }

  /** A signature line over a text that is no checkpoint. */
  signText(text: string): string {
    return formatSignature(this.signer.sign(text));
  }

  /** What was signed last. Read anew each time: it is what counts, whatever this process believes. */
  async last(): Promise<SignedCheckpoint> {
    const text = await readIfThere(this.memory);
    const checkpoint = text === undefined ? null : this.opened(text);
    if (checkpoint && !isFailure(checkpoint)) return checkpoint;
    throw new AppError(
      'SIGNER_MEMORY_LOST',
      'internal',
      `${this.memory} does not hold the last checkpoint that the key signed: put the latest one that is kept elsewhere there`,
    );
  }

  /**
   * The signed note of a tree; it is in the memory, on the disk, before it is given out. Throws AppError `LOG_INCONSISTENT` when the tree does not grow
   * from the last one signed: then nothing is signed, ever, until it does.
   */
  async sign({ size, root }: SignedTree, prove: ProveConsistency): Promise<string> {
    const last = await this.last();
    if (size < last.size) throw inconsistent(`the log has ${size} events, and ${last.size} were signed: events are gone`);
    if (size === last.size && !sameBytes(root, last.root)) throw inconsistent(`of size ${size} another tree was signed`);
    if (last.size > 0n && size > last.size) {
      const claim = { oldSize: last.size, oldRoot: last.root, size, root };
      const failure = consistencyFailure(this.hasher, claim, await prove(last.size, size));
      if (failure) throw inconsistent(`the tree of ${size} does not grow from the signed one of ${last.size}: ${failure}`);
    }
    const text = signedText(this.signer, formatCheckpoint({ origin: this.origin, size, root }));
    if (size !== last.size) await writeDurably(this.memory, text);
    return text;
  }
}
