/** A receipt: a signed statement about a delegation, with the records that it follows from and the proof that they are in the log. One JSON document. */
import { canonicalJson, type JsonObject } from '@mandate/kernel';
import { fromBase64, fromUtf8, toBase64, toHex, utf8 } from '../bytes.js';
import type { Sha256 } from '../merkle/tree-hasher.js';
import type { Statement } from './statement.js';

export const RECEIPT_FORMAT = 'mandate.dev/receipt/v1';

export interface Evidence {
  /** From 1. */
  position: bigint;
  /** Canonical bytes. */
  record: Uint8Array;
  proof: Uint8Array[];
}

export interface Receipt {
  statement: Statement;
  evidence: Evidence[];
  /** The signed note that all evidence is proved against. */
  checkpoint: string;
  /** A signature line of the log's key over `receiptText`. */
  signature: string;
}

/** What the log's key signs: no checkpoint has such a first line, and none such a second one. */
export const receiptText = (sha256: Sha256, statement: JsonObject): string =>
  `${RECEIPT_FORMAT}\nsha256 ${toHex(sha256(utf8(canonicalJson(statement))))}\n`;

export const formatReceipt = ({ statement, evidence, checkpoint, signature }: Receipt): string =>
  `${JSON.stringify(
    {
      format: RECEIPT_FORMAT,
      statement,
      signature,
      checkpoint,
      evidence: evidence.map(({ position, record, proof }) => ({
        position: position.toString(),
        record: toBase64(record),
        proof: proof.map(toBase64),
      })),
    },
    null,
    2,
  )}\n`;

/** Null when the bytes are no receipt. */
export const parseReceipt = (bytes: Uint8Array): Receipt | null => {
  try {
    const document = JSON.parse(fromUtf8(bytes) ?? '') as Record<string, unknown>;
    const { format, statement, signature, checkpoint, evidence } = document;
    if (format !== RECEIPT_FORMAT || typeof signature !== 'string' || typeof checkpoint !== 'string') return null;
    if (typeof statement !== 'object' || statement === null || !Array.isArray(evidence)) return null;
    return { statement: statement as Statement, signature, checkpoint, evidence: evidence.map(evidenceOf) };
  } catch {
    return null;
  }
};

/** Throws on what is none. */
const evidenceOf = (value: unknown): Evidence => {
  const { position, record, proof } = value as { position: string; record: string; proof: string[] };
  const bytes = [record, ...proof].map((text) => fromBase64(text));
  if (bytes.includes(null)) throw new RangeError('not base64');
  const [first, ...hashes] = bytes as Uint8Array[];
  return { position: BigInt(position), record: first as Uint8Array, proof: hashes };
};
