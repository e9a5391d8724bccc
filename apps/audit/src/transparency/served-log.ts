/** The transparency log as HTTP shows it. */
import { formatBundle, formatRecords, HASH_BYTES, parsePath, TILE_WIDTH, toBase64, type Resource } from '@mandate/audit-log';
import { AppError } from '@mandate/kernel';
import type { Caller } from '@mandate/service-host';
import { AuditLog, type ConsistencyProof, type LogFile } from '../http/audit-log.js';
import type { LogProofs } from './proofs.js';
import type { Receipts } from './receipts.js';
import type { LogSigner } from './signer.js';
import type { TreeStore } from './tree-store.js';

const OCTETS = 'application/octet-stream';

export class ServedLog extends AuditLog {
  constructor(
    private readonly proofs: LogProofs,
    private readonly store: TreeStore,
    private readonly receipts: Receipts,
    private readonly signer: LogSigner,
  ) {
    super();
  }

  async checkpoint(): Promise<string> {
    const { checkpoint } = await this.store.head();
    if (checkpoint === null) throw new AppError('NOT_SIGNED_YET', 'unavailable', 'the log’s head is signed every second: try again');
    return checkpoint;
  }

  vkey(): string {
    return this.signer.vkey;
  }

  async file(path: string): Promise<LogFile> {
    const resource = parsePath(path);
    const bytes = resource && (typeof resource.kind === 'number' ? await this.tile(resource.kind, resource) : await this.bundle(resource));
    if (!bytes) throw notFound(`${path} is not there`);
    return { bytes, contentType: OCTETS };
  }

  proof({ tenant }: Caller, event: string): Promise<string> {
    return this.proofs.proofFile(tenant, event);
  }

  async consistency(from: string, to?: string): Promise<ConsistencyProof> {
    const { size } = await this.proofs.signedHead();
    const end = to === undefined ? size : BigInt(to);
    if (end > size) throw new AppError('BAD_SIZE', 'invalid', `the signed log has ${size} events`);
    return { from, to: end.toString(), proof: (await this.proofs.consistency(BigInt(from), end)).map(toBase64) };
  }

  receipt({ tenant }: Caller, delegationId: string): Promise<string> {
    return this.receipts.of(tenant, delegationId, this.signer);
  }

  private async tile(level: number, { index, width }: Resource): Promise<Uint8Array | null> {
    const read = await this.store.tiles([{ level, index }]);
    try {
      const hashes = read({ level, index });
      return hashes.length < width * HASH_BYTES ? null : hashes.subarray(0, width * HASH_BYTES);
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  /** Only what is signed: a bundle that is there stays as it is. */
  private async bundle({ kind, index, width }: Resource): Promise<Uint8Array | null> {
    const first = Number(index) * TILE_WIDTH + 1;
    const last = first + width - 1;
    if (BigInt(last) > (await this.proofs.signedHead()).size) return null;
    const entries = await this.proofs.entries(first, last);
    if (entries.length !== width) return null;
    return kind === 'records' ? formatRecords(entries) : formatBundle(entries);
  }
}

const notFound = (message: string): AppError => new AppError('NOT_FOUND', 'not-found', message);
