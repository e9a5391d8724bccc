/** Receipts of delegations: the records read, the statement folded from them, signed, and proved to be in the log. */
import { formatReceipt, receiptText, statementOf, type AuditRecord, type Evidence } from '@mandate/audit-log';
import { unreadableRecord, type Database, type Row } from '@mandate/event-store';
import { AppError } from '@mandate/kernel';
import { nodeCrypto } from '@mandate/signing';
import type { LogProofs } from './proofs.js';
import type { LogSigner } from './signer.js';

/** Of records; twice that as a file. What is larger is proved event by event. */
const MAX_BYTES = 32 * 1024 * 1024;

const OF_STREAM = `FROM es.stream s JOIN es.event e ON e.log_id = 1 AND e.stream_id = s.id AND e.tenant = s.tenant AND e.stream_type = s.type
    AND e.position BETWEEN s.first_position AND s.last_position
   WHERE s.id = $1 AND s.tenant = $2 AND s.type = $3`;
const SIZE = { name: 'audit_stream_size', text: `SELECT coalesce(sum(octet_length(e.canonical)), 0)::integer AS bytes ${OF_STREAM}` };
const RECORDS = { name: 'audit_stream_records', text: `SELECT e.position, e.canonical ${OF_STREAM} ORDER BY e.version` };
const LAST_BEFORE = {
  name: 'audit_last_before',
  text: `SELECT e.position, e.canonical ${OF_STREAM} AND e.position < $4::bigint ORDER BY e.version DESC LIMIT 1`,
};

const PLANNED = /^dev\.mandate\.delegation\.planned\.v\d+$/;

interface Read {
  position: bigint;
  bytes: Buffer;
  record: AuditRecord;
}

export class Receipts {
  constructor(
    private readonly proofs: LogProofs,
    private readonly database: Database,
  ) {}

  /** Throws AppError `NOT_FOUND`, `NOT_ENDED`, `NOT_SIGNED_YET`, `RECEIPT_TOO_LARGE`. */
  async of(tenant: string, id: string, signer: LogSigner): Promise<string> {
    const own = await this.records(tenant, id);
    const planned = own.find(({ record }) => PLANNED.test(record.type)) ?? own.at(-1);
    const policy = (await this.database.query(LAST_BEFORE, ['flow', tenant, 'policy', String(planned?.position)])).map(read);
    const statement = statementOf(
      nodeCrypto.sha256,
      own.map(({ record }) => record),
      policy[0]?.record ?? null,
    );
    if (statement.outcome === null) throw new AppError('NOT_ENDED', 'conflict', `delegation ${id} has not ended: ask for its receipt then`);
    const evidence = [...policy, ...own];
    const head = await this.proofs.signedHead(own.at(-1)?.position);
    const inclusions = await this.proofs.inclusions(
      evidence.map(({ position }) => position),
      head.size,
    );
    return formatReceipt({
      statement,
      signature: signer.signText(receiptText(nodeCrypto.sha256, statement)),
      checkpoint: head.text,
      evidence: evidence.map(({ position, bytes }, i): Evidence => ({ position, record: bytes, proof: inclusions[i]?.proof ?? [] })),
    });
  }

  private async records(tenant: string, id: string): Promise<Read[]> {
    const stream = [id, tenant, 'delegation'];
    const [size] = await this.database.query(SIZE, stream);
    const bytes = Number(size?.['bytes'] ?? 0);
    if (bytes === 0) throw new AppError('NOT_FOUND', 'not-found', `no delegation ${id} in this tenant`);
    if (bytes > MAX_BYTES)
      throw new AppError('RECEIPT_TOO_LARGE', 'too-large', `the records of ${id} have ${bytes} bytes; prove them one by one instead`);
    return (await this.database.query(RECORDS, stream)).map(read);
  }
}

const read = (row: Row): Read => {
  const bytes = row['canonical'] as Buffer;
  const position = row['position'] as string;
  try {
    return { position: BigInt(position), bytes, record: JSON.parse(bytes.toString('utf8')) as AuditRecord };
  } catch (error) {
    throw unreadableRecord(error, position);
  }
};
