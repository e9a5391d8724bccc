/** What readers of the audit trail are told: an event's whole audit record, personal fields as references. */
import type { JsonObject } from '@mandate/kernel';

export interface AuditActorView {
  kind: 'agent' | 'worker' | 'operator' | 'service';
  id: string;
  /** In whose name, nearest first. */
  onBehalfOf?: string[];
  auth?: { method: string; session?: string };
}

export interface AuditEventView {
  /** Place in the log, from 1; its leaf in the Merkle tree is this less one. */
  position: number;
  id: string;
  tenant: string;
  /** The event's type. */
  action: string;
  schemaVersion: number;
  resource: { type: string; id: string; version: number };
  actor: AuditActorView;
  outcome: 'success' | 'failure' | 'denied';
  reason?: string;
  occurredAt: string;
  recordedAt: string;
  correlationId: string;
  causationId?: string;
  traceId?: string;
  where: { service: string; instance: string; address?: string };
  /** References stand in the place of personal fields. */
  data: JsonObject;
  /** SHA-256 of the record as it is stored (RFC 6962 leaf), hex. */
  leafHash: string;
}
