/** What HTTP asks of the transparency log. */
import type { Caller } from '@mandate/service-host';

export interface LogFile {
  bytes: Uint8Array;
  contentType: string;
}

export interface ConsistencyProof {
  from: string;
  to: string;
  /** Base64, RFC 6962 order. */
  proof: string[];
}

export abstract class AuditLog {
  /** The signed head. */
  abstract checkpoint(): Promise<string>;
  abstract vkey(): string;
  /** A tile or bundle by its path of the layout. */
  abstract file(path: string): Promise<LogFile>;
  /** A tlog-proof file of an event, by its id or position. */
  abstract proof(caller: Caller, event: string): Promise<string>;
  /** A signed statement about a delegation that has ended, with its evidence. */
  abstract receipt(caller: Caller, delegationId: string): Promise<string>;
  abstract consistency(from: string, to?: string): Promise<ConsistencyProof>;
}
