/** A stored record as the trail shows it. */
import { publicData, traceIdOf, type AuditEventView } from '@mandate/contracts';
import type { JsonObject } from '@mandate/kernel';

/** What a record is, RFC 8785 JSON that was hashed, when it is parsed. */
export interface StoredRecord extends Pick<
  AuditEventView,
  'id' | 'tenant' | 'schemaVersion' | 'occurredAt' | 'actor' | 'correlationId' | 'causationId' | 'outcome' | 'reason' | 'where'
> {
  type: string;
  stream: { type: string; id: string };
  version: number;
  traceparent?: string;
  data: JsonObject;
  personal?: { fields: readonly string[] };
}

/** `place`: what the log assigned. */
export const viewOfRecord = (
  record: StoredRecord,
  { position, recordedAt, leafHash }: Pick<AuditEventView, 'position' | 'recordedAt' | 'leafHash'>,
): AuditEventView => {
  const { id, tenant, stream, version, type, schemaVersion, occurredAt, actor, correlationId, outcome, where, data } = record;
  const { causationId, reason, traceparent, personal } = record;
  const traceId = traceparent === undefined ? undefined : traceIdOf(traceparent);
  return {
    position,
    id,
    tenant,
    action: type,
    schemaVersion,
    resource: { type: stream.type, id: stream.id, version },
    actor,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    occurredAt,
    recordedAt,
    correlationId,
    ...(causationId === undefined ? {} : { causationId }),
    ...(traceId === undefined ? {} : { traceId }),
    where,
    data: publicData({ data, personalFields: personal?.fields ?? [], stream, id }),
    leafHash,
  };
};
