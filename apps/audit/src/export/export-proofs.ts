/** The proof of an export, made from the same selection: read in chunks, with the subtrees in between from the tiles. */
import {
  coverOf,
  ExportDigest,
  exportText,
  formatProofEnd,
  formatProofEntry,
  formatProofHead,
  type ExportedWhat,
  type ProofEntry,
  type Range,
  type Sha256,
} from '@mandate/audit-log';
import type { LoggedRecord } from '../log/log-reader.js';
import { auditView } from '../log/log-reader.js';
import { isIn, type Scope } from '../search/log-search.js';
import type { LogProofs } from '../transparency/index.js';
import type { WholeLog } from './whole-log.js';

export interface ExportProofsParts {
  sha256: Sha256;
  log: WholeLog;
  proofs: Pick<LogProofs, 'signedHead' | 'hashes'>;
  signText: (text: string) => string;
}

const CHUNK = 500;

export class ExportProofs {
  constructor(private readonly parts: ExportProofsParts) {}

  /** Throws AppError `NOT_SIGNED_YET` before the first line, when no head that reaches the export's end is signed yet. */
  async begin(what: ExportedWhat, scope: Scope): Promise<(signal: AbortSignal) => AsyncGenerator<string>> {
    const checkpoint = await this.parts.proofs.signedHead(BigInt(what.size));
    return (signal) => this.text(what, scope, checkpoint, signal);
  }

  private async *text(
    what: ExportedWhat,
    scope: Scope,
    checkpoint: { text: string; size: bigint },
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const { sha256, log, signText } = this.parts;
    const digest = new ExportDigest(sha256);
    yield formatProofHead({ what, checkpoint: checkpoint.text });
    let behind = 0n;
    for (let first = scope.first; first <= scope.last && !signal.aborted; first += CHUNK) {
      const records = (await log.chunk(first, Math.min(scope.last, first + CHUNK - 1))).filter((record) => isIn(auditView(record), scope));
      if (records.length === 0) continue;
      const entries = await this.entries(records, behind, what.format);
      behind = entries.at(-1)?.position ?? behind;
      entries.forEach(({ position, leaf }, i) => digest.add(position, leaf, (records[i] as LoggedRecord).recordedAt));
      yield entries.map(formatProofEntry).join('');
    }
    if (signal.aborted) return;
    const gap = await this.parts.proofs.hashes(coverOf({ from: behind, to: checkpoint.size }));
    yield formatProofEnd({ events: digest.events, gap, signature: signText(exportText(sha256, what, digest)) });
  }

  /** Their tiles are fetched at once. */
  private async entries(records: readonly LoggedRecord[], behind: bigint, format: string): Promise<ProofEntry[]> {
    const gaps: Range[][] = records.map(({ position }, i) =>
      coverOf({ from: i === 0 ? behind : BigInt((records[i - 1] as LoggedRecord).position), to: BigInt(position - 1) }),
    );
    const hashes = (await this.parts.proofs.hashes(gaps.flat())).values();
    return records.map(({ position, leafHash, canonical, recordedAt }, i) => ({
      position: BigInt(position),
      leaf: leafHash,
      gap: (gaps[i] as Range[]).map(() => hashes.next().value as Uint8Array),
      // JSON lines hold the stored records themselves.
      ...(format === 'jsonl' ? {} : { stored: { record: canonical, recordedAt } }),
    }));
  }
}
