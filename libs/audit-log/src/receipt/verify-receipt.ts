import { canonicalJson } from '@mandate/kernel';
import { fromUtf8, utf8 } from '../bytes.js';
import type { Sha256, TreeHasher } from '../merkle/tree-hasher.js';
import { inclusionFailure } from '../merkle/verify.js';
import { parseSignatureLines, verifyNote } from '../note/signed-note.js';
import type { Failure } from '../verify/failure.js';
import { isFailure, openCheckpoint, type SignedCheckpoint, type Trust } from '../verify/signed-checkpoint.js';
import { parseReceipt, receiptText, type Evidence, type Receipt } from './receipt.js';
import { statementOf, type AuditRecord, type Statement } from './statement.js';

export interface ProvenReceipt {
  statement: Statement;
  checkpoint: SignedCheckpoint;
  /** Positions of the records, in order. */
  positions: string[];
}

/** Checks a receipt with nothing but keys: who signed it, that each record is in the log, and that the statement follows from the records. */
export const verifyReceipt = (sha256: Sha256, hasher: TreeHasher, file: Uint8Array, trust: Trust): ProvenReceipt | Failure => {
  const receipt = parseReceipt(file);
  if (!receipt) return failed('format', 'it is no receipt');
  const signed = verifyNote(
    { text: receiptText(sha256, receipt.statement), signatures: parseSignatureLines(receipt.signature) ?? [] },
    trust.log,
  );
  if (!signed.ok) return failed('signature', signed.reason);
  const checkpoint = openCheckpoint(utf8(receipt.checkpoint), trust);
  if (isFailure(checkpoint)) return checkpoint;
  for (const { position, record, proof } of receipt.evidence) {
    const claim = { index: position - 1n, size: checkpoint.size, leafHash: hasher.leaf(record), root: checkpoint.root };
    const failure = inclusionFailure(hasher, claim, proof);
    if (failure) return { ...failed('inclusion', failure), position: position.toString() };
  }
  const reason = statementFailure(sha256, receipt);
  if (reason) return failed('statement', reason);
  return { statement: receipt.statement, checkpoint, positions: receipt.evidence.map(({ position }) => position.toString()) };
};

const failed = (check: Failure['check'], reason: string): Failure => ({ check, at: 'receipt', reason });

const statementFailure = (sha256: Sha256, { statement, evidence }: Receipt): string | null => {
  const records = evidence.map(recordOf);
  if (records.includes(null)) return 'a record is none';
  const all = records as AuditRecord[];
  const own = all.filter(
    ({ stream, tenant }) => stream.type === 'delegation' && stream.id === statement.delegation && tenant === statement.tenant,
  );
  const policies = all.filter(({ stream, tenant }) => stream.type === 'policy' && tenant === statement.tenant);
  if (own.length + policies.length !== all.length || policies.length > 1) return 'a record is about something else';
  if (own.length === 0 || own.some(({ version }, i) => version !== i + 1))
    return 'the delegation’s records are not all there, from its first on';
  const derived = statementOf(sha256, own, policies[0] ?? null);
  return canonicalJson(derived) === canonicalJson(statement) ? null : 'it does not follow from the records';
};

const recordOf = ({ record }: Evidence): AuditRecord | null => {
  try {
    return JSON.parse(fromUtf8(record) ?? '') as AuditRecord;
  } catch {
    return null;
  }
};
