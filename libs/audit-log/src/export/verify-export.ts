/** Checks an export against its proof, line by line from the left, with nothing but the log's key. */
import { sameBytes, utf8 } from '../bytes.js';
import { CompactRange } from '../merkle/compact-range.js';
import { coverOf } from '../merkle/ranges.js';
import type { Sha256, TreeHasher } from '../merkle/tree-hasher.js';
import { parseSignatureLines, verifyNote } from '../note/signed-note.js';
import type { Check, Failure } from '../verify/failure.js';
import { isFailure, openCheckpoint, type SignedCheckpoint, type Trust } from '../verify/signed-checkpoint.js';
import { ExportDigest, exportText, parseProofHead, type ExportedWhat, type ProofEnd, type ProofEntry } from './export-proof.js';

/** What the export itself says of an event: hashed by whoever read it there. */
export interface Exported {
  leaf: Uint8Array;
  recordedAt: string;
}

export class ExportVerifier {
  private readonly tree: CompactRange;
  private readonly digest: ExportDigest;
  /** Every position of the log is among them, from the first asked for on. */
  private gapless = true;

  private constructor(
    private readonly sha256: Sha256,
    hasher: TreeHasher,
    private readonly trust: Trust,
    readonly what: ExportedWhat,
    readonly checkpoint: SignedCheckpoint,
  ) {
    this.tree = new CompactRange(hasher);
    this.digest = new ExportDigest(sha256);
  }

  /** By the proof's first line. */
  static open(sha256: Sha256, hasher: TreeHasher, trust: Trust, line: string): ExportVerifier | Failure {
    const head = parseProofHead(line);
    if (!head) return failed('format', 'it is no proof of an export');
    const checkpoint = openCheckpoint(utf8(head.checkpoint), trust);
    if (isFailure(checkpoint)) return checkpoint;
    if (checkpoint.size < BigInt(head.what.size))
      return failed('consistency', `the checkpoint ends at ${checkpoint.size}, the export at ${head.what.size}`);
    return new ExportVerifier(sha256, hasher, trust, head.what, checkpoint);
  }

  get events(): number {
    return this.digest.events;
  }

  /** Whether nothing can have been left out: the positions follow each other up to the log's end. */
  get complete(): boolean {
    return this.gapless && this.digest.events === this.what.size - this.what.after;
  }

  /** The next event, as the proof and as the export have it. */
  add({ position, leaf, gap }: ProofEntry, exported: Exported): Failure | null {
    const { after, size } = this.what;
    if (position <= BigInt(after) || position > BigInt(size))
      return failed('format', `it lies outside of what was exported, ${after + 1} to ${size}`, position);
    if (!sameBytes(leaf, exported.leaf)) return failed('entry', 'the export has another record than the one that is proved', position);
    if (this.events > 0 && gap.length > 0) this.gapless = false;
    const failure = this.grow(position - 1n, gap, position);
    if (failure) return failure;
    this.tree.append({ from: position - 1n, to: position }, leaf);
    this.digest.add(position, leaf, exported.recordedAt);
    return null;
  }

  /** The proof's last line, when the export has no more either. */
  end({ events, gap, signature }: ProofEnd): Failure | null {
    const failure = this.grow(this.checkpoint.size, gap);
    if (failure) return failure;
    if (!sameBytes(this.tree.root(), this.checkpoint.root))
      return failed('inclusion', 'the events do not lead to the root that was signed');
    if (events !== this.events) return failed('presence', `${events} events were exported, and ${this.events} are there`);
    const text = exportText(this.sha256, this.what, this.digest);
    const signed = verifyNote({ text, signatures: parseSignatureLines(signature) ?? [] }, this.trust.log);
    return signed.ok ? null : failed('signature', `what was exported is not what was signed: ${signed.reason}`);
  }

  private grow(to: bigint, gap: readonly Uint8Array[], position?: bigint): Failure | null {
    if (to < this.tree.size) return failed('format', 'the events are not in the order of the log', position);
    const cover = coverOf({ from: this.tree.size, to });
    if (cover.length !== gap.length) return failed('inclusion', `${gap.length} hashes, where ${cover.length} lead there`, position);
    cover.forEach((range, i) => this.tree.append(range, gap[i] as Uint8Array));
    return null;
  }
}

const failed = (check: Check, reason: string, position?: bigint): Failure => ({
  check,
  at: 'export',
  ...(position === undefined ? {} : { position: position.toString() }),
  reason,
});
