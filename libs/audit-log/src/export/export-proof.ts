/**
 * The proof of an export: JSON lines, one for each exported event, in the order of the log. Each says which subtrees lie between its event and the one
 * before, so that whoever reads both files from the left rebuilds the signed tree from them with a memory of one hash a level; the last line is signed and
 * says how many events there were.
 */
import { canonicalJson, type JsonObject } from '@mandate/kernel';
import { concat, fromBase64, toBase64, toHex, uint64, utf8 } from '../bytes.js';
import type { Sha256 } from '../merkle/tree-hasher.js';

export const EXPORT_PROOF_FORMAT = 'mandate.dev/export-proof/v1';

/** What was asked for. */
export interface ExportedWhat {
  tenant: string;
  format: string;
  filter: { [name: string]: string };
  /** Events behind this position … */
  after: number;
  /** … up to this one, the log's size when the export began. */
  size: number;
}

export interface ProofHead {
  what: ExportedWhat;
  /** The signed note that all of it is proved against. */
  checkpoint: string;
}

export interface ProofEntry {
  /** From 1. */
  position: bigint;
  leaf: Uint8Array;
  /** Roots of the subtrees before it, from the left. */
  gap: Uint8Array[];
  /** Where the export does not hold the stored record itself: RFC 8785 JSON, and when the database says that it was recorded. */
  stored?: { record: string; recordedAt: string };
}

export interface ProofEnd {
  events: number;
  /** Of the subtrees behind the last event. */
  gap: Uint8Array[];
  /** A signature line of the log's key over `exportText`. */
  signature: string;
}

const DIGEST_BYTES = 32;

/** Goes on with each event: which there were, in which order, recorded when. */
export class ExportDigest {
  private value: Uint8Array = new Uint8Array(DIGEST_BYTES);
  private count = 0;

  constructor(private readonly sha256: Sha256) {}

  add(position: bigint, leaf: Uint8Array, recordedAt: string): void {
    this.value = this.sha256(concat([this.value, uint64(position), leaf, utf8(recordedAt)]));
    this.count++;
  }

  get events(): number {
    return this.count;
  }

  get hex(): string {
    return toHex(this.value);
  }
}

/** What the log's key signs: no checkpoint or receipt has such a first line. */
export const exportText = (sha256: Sha256, what: ExportedWhat, { events, hex }: Pick<ExportDigest, 'events' | 'hex'>): string =>
  `${EXPORT_PROOF_FORMAT}\nsha256 ${toHex(sha256(utf8(canonicalJson({ ...what, events, digest: hex } as unknown as JsonObject))))}\n`;

export const formatProofHead = ({ what, checkpoint }: ProofHead): string =>
  `${JSON.stringify({ format: EXPORT_PROOF_FORMAT, export: what, checkpoint })}\n`;

export const formatProofEntry = ({ position, leaf, gap, stored }: ProofEntry): string => {
  const text = `"position":${position},"leaf":"${toBase64(leaf)}","gap":${JSON.stringify(gap.map(toBase64))}`;
  return stored ? `{${text},"recordedAt":"${stored.recordedAt}","record":${stored.record}}\n` : `{${text}}\n`;
};

export const formatProofEnd = ({ events, gap, signature }: ProofEnd): string =>
  `${JSON.stringify({ events, gap: gap.map(toBase64), signature })}\n`;

/** Null for what is none. */
export const parseProofHead = (line: string): ProofHead | null => {
  const { format, export: what, checkpoint } = parsed(line);
  if (format !== EXPORT_PROOF_FORMAT || typeof checkpoint !== 'string' || typeof what !== 'object' || what === null) return null;
  const { tenant, format: as, filter, after, size } = what as Record<string, unknown>;
  if (typeof tenant !== 'string' || typeof as !== 'string' || typeof filter !== 'object' || filter === null) return null;
  if (!Number.isSafeInteger(after) || !Number.isSafeInteger(size)) return null;
  return {
    what: { tenant, format: as, filter: filter as ExportedWhat['filter'], after: after as number, size: size as number },
    checkpoint,
  };
};

const RECORD = ',"record":';

/** Null for what is neither. */
export const parseProofLine = (line: string): ProofEntry | ProofEnd | null => {
  const { position, leaf, gap, recordedAt, record, events, signature } = parsed(line);
  const hashes = Array.isArray(gap) ? gap.map(hashOf) : [null];
  if (hashes.includes(null)) return null;
  const subtrees = hashes as Uint8Array[];
  if (typeof signature === 'string' && Number.isSafeInteger(events)) return { events: events as number, gap: subtrees, signature };
  const hash = hashOf(leaf);
  if (!Number.isSafeInteger(position) || (position as number) < 1 || hash === null) return null;
  const entry = { position: BigInt(position as number), leaf: hash, gap: subtrees };
  if (record === undefined) return entry;
  if (typeof recordedAt !== 'string') return null;
  // As it stands there: what is hashed are these bytes.
  return { ...entry, stored: { record: line.slice(line.indexOf(RECORD) + RECORD.length, -1), recordedAt } };
};

const parsed = (line: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

const hashOf = (text: unknown): Uint8Array | null => {
  const bytes = typeof text === 'string' ? fromBase64(text) : null;
  return bytes?.length === DIGEST_BYTES ? bytes : null;
};
