/** Signs the log's head. Key and memory lie in a folder of its own, out of reach of whoever administers the database. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
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
  type SignedCheckpoint,
  type Signer,
  type TreeHasher,
} from '@mandate/audit-log';
import { AppError } from '@mandate/kernel';
import { nodeCrypto, readIfThere, writeDurably } from '@mandate/signing';
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
   * With the key of the folder; on the first start it makes one under the name `origin`. The memory is made first, so that a key without a memory
   * means that the memory was lost. Throws AppError `BAD_SIGNER_KEY`.
   */
  static async open(hasher: TreeHasher, folder: string, origin: string): Promise<LogSigner> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const [keyFile, memory] = [join(folder, 'log.key'), join(folder, 'signed')];
    const kept = await readIfThere(keyFile);
    const text = kept ?? formatSignerKey(nodeCrypto, origin, KEY_TYPES.ed25519, randomBytes(32));
    const signer = parseSignerKey(nodeCrypto, text);
    if (kept === undefined) {
      await writeDurably(memory, signedText(signer, formatCheckpoint({ origin: signer.key.name, size: 0n, root: hasher.empty() })));
      await writeDurably(keyFile, `${text}\n`);
      const publicFile = join(folder, 'log.vkey');
      await writeDurably(publicFile, `${formatVerifierKey(signer.key)}\n`);
      await chmod(publicFile, 0o644);
    }
    return new LogSigner(hasher, signer, memory);
  }

  /** The log's name, for good. */
  get origin(): string {
    return this.signer.key.name;
  }

  get vkey(): string {
    return formatVerifierKey(this.signer.key);
  }

  /** A signature line over a text that is no checkpoint. */
  signText(text: string): string {
    return formatSignature(this.signer.sign(text));
  }

  /** What was signed last. Read anew each time: it is what counts, whatever this process believes. */
  async last(): Promise<SignedCheckpoint> {
    const text = await readIfThere(this.memory);
    const checkpoint =
      text === undefined ? null : openCheckpoint(utf8(text), { log: [noteVerifier(nodeCrypto, this.signer.key)], origin: this.origin });
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
