/** An exported file beside its proof: what it says of each event in turn, read from the left, a piece at a time. */
import { createReadStream } from 'node:fs';
import { isFailure, sameBytes, toHex, utf8, type Exported, type Failure, type ProofEntry } from '@mandate/audit-log';
import { EXPORTERS, viewOfRecord, type ExportFormat, type StoredRecord } from '@mandate/audit-trail';
import { hasher } from './trust.js';

const NEWLINE = 10;
/** No record is longer. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const LINE = /^\{"position":(\d+),"recordedAt":"([^"]*)","leafHash":"([0-9a-f]{64})","record":(.*)\}$/s;

export class ExportFile {
  private readonly pieces: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);
  private lines = 0;

  constructor(
    private readonly file: string,
    private readonly format: ExportFormat,
  ) {
    this.pieces = createReadStream(file)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** What stands before the first event. */
  async head(): Promise<Failure | null> {
    return this.says(EXPORTERS[this.format].head, undefined);
  }

  async next(entry: ProofEntry): Promise<Exported | Failure> {
    this.lines++;
    return this.format === 'jsonl' ? this.storedRecord(entry) : this.rendered(entry);
  }

  /** Null when there is nothing more. */
  async end(): Promise<Failure | null> {
    return this.rest.length > 0 || (await this.more()) ? this.failed('presence', 'it goes on behind the last event that is proved') : null;
  }

  private async storedRecord({ position }: ProofEntry): Promise<Exported | Failure> {
    const at = position.toString();
    const line = await this.line();
    const [, said, recordedAt = '', leafHash, record = ''] = LINE.exec(line ?? '') ?? [];
    if (line === null) return this.failed('presence', 'the event that is proved next is not there', at);
    if (said === undefined) return this.failed('format', 'the line is none of an export as JSON lines', at);
    if (said !== at) return this.failed('presence', `position ${at} is proved next, and ${said} is there`, at);
    const leaf = hasher.leaf(utf8(record));
    if (toHex(leaf) !== leafHash) return this.failed('entry', 'the record does not hash to the leaf beside it', at);
    return { leaf, recordedAt };
  }

  /** The proof has the record; the line is what follows from it. */
  private async rendered({ position, leaf, stored }: ProofEntry): Promise<Exported | Failure> {
    const at = position.toString();
    if (!stored) return this.failed('format', 'the proof does not have the record', at);
    if (!sameBytes(hasher.leaf(utf8(stored.record)), leaf)) return this.failed('entry', 'the proof’s record does not hash to its leaf', at);
    const { recordedAt, record } = stored;
    const line = this.lineOf(record, { position: Number(position), recordedAt, leafHash: toHex(leaf) });
    if (line === null) return this.failed('format', 'the proof’s record is none of an event', at);
    return (await this.says(line, at)) ?? { leaf, recordedAt };
  }

  /** Null when it is no event's: that it is in the log is known only at the end, so until then it may be anything. */
  private lineOf(record: string, logged: Parameters<typeof viewOfRecord>[1]): string | null {
    try {
      return EXPORTERS[this.format].line({ event: viewOfRecord(JSON.parse(record) as StoredRecord, logged), canonical: record });
    } catch {
      return null;
    }
  }

  private async says(text: string, position: string | undefined): Promise<Failure | null> {
    const expected = Buffer.from(text);
    while (this.rest.length < expected.length && (await this.more()));
    const found = this.rest.subarray(0, expected.length);
    this.rest = this.rest.subarray(expected.length);
    return found.equals(expected) ? null : this.failed('entry', 'the line is not what follows from the record', position);
  }

  private async line(): Promise<string | null> {
    for (let from = 0; ;) {
      const end = this.rest.indexOf(NEWLINE, from);
      if (end >= 0) {
        const line = this.rest.subarray(0, end).toString('utf8');
        this.rest = this.rest.subarray(end + 1);
        return line;
      }
      from = this.rest.length;
      if (from > MAX_LINE_BYTES || !(await this.more())) return null;
    }
  }

  private async more(): Promise<boolean> {
    const next = await this.pieces.next();
    if (next.done) return false;
    this.rest = this.rest.length === 0 ? next.value : Buffer.concat([this.rest, next.value]);
    return true;
  }

  private failed(check: Failure['check'], reason: string, position?: string): Failure {
    return {
      check,
      at: this.lines > 0 ? `${this.file}, event ${this.lines}` : this.file,
      ...(position === undefined ? {} : { position }),
      reason,
    };
  }
}

export const isExported = (value: Exported | Failure): value is Exported => !isFailure(value);
