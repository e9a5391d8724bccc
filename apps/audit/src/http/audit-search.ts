/** What HTTP asks of the trail. */
import type { AuditEventView, Page } from '@mandate/contracts';
import type { Caller } from '@mandate/service-host';
import type { EventQuery, ExportProofQuery, ExportQuery } from './documents.js';

export { OUTCOMES, type EventFilter, type EventQuery, type ExportProofQuery, type ExportQuery } from './documents.js';

export abstract class AuditSearch {
  /** Newest first. */
  abstract events(caller: Caller, query: EventQuery): Promise<Page<AuditEventView>>;
}

/** What an export is of: which log, how long it was, and what its tree's root was then. */
export interface ExportHead {
  source: string;
  size: number;
  /** RFC 6962 root hash, hex. */
  root: string;
}

export abstract class AuditExports {
  /** Records that the export is made, then reads. `text` yields whole lines, oldest event first, and ends early when `signal` aborts. */
  abstract begin(caller: Caller, query: ExportQuery): Promise<{ head: ExportHead; text: (signal: AbortSignal) => AsyncIterable<string> }>;

  /** The proof of an export that ended at `size`: of the same events, by the same filter. Recorded as an export itself. Throws AppError `NOT_SIGNED_YET`. */
  abstract proof(caller: Caller, query: ExportProofQuery): Promise<(signal: AbortSignal) => AsyncIterable<string>>;
}
