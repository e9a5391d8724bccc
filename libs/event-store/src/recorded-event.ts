/** Events as readers see them: from rows, or straight from what was just appended. */
import type { JsonObject } from '@mandate/kernel';
import type { DataKeys } from './data-keys.js';
import type { Row } from './database.js';
import { personalContext, type Envelope } from './envelope.js';
import { unseal } from './keys.js';
import type { BatchEntry } from './append-call.js';
import type { PreparedEvent } from './prepare.js';
import type { RecordedEvent } from './types.js';
import type { Upcasters } from './upcasters.js';

export const EVENT_COLUMNS = 'position, recorded_at, canonical';

/** What decoding a row needs; `keys` only when personal data is wanted. */
export interface Decoder {
  log: string;
  upcasters: Upcasters;
  keys: DataKeys | null;
}

export const decodeRows = async (rows: readonly Row[], decoder: Decoder): Promise<RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  for (const row of rows) {
    const envelope = JSON.parse((row['canonical'] as Buffer).toString()) as Envelope;
    const event = recorded(envelope, Number(row['position']), (row['recorded_at'] as Date).toISOString(), decoder.upcasters);
    if (decoder.keys && envelope.personal) event.personal = await openPersonal(envelope, decoder.log, decoder.keys);
    events.push(event);
  }
  return events;
};

const recorded = (envelope: Envelope, position: number, recordedAt: string, upcasters: Upcasters): RecordedEvent => {
  const { personal, envelope: _format, where: _where, ...rest } = envelope;
  return { ...rest, ...upcasters.upcast(envelope.type, envelope.schemaVersion, envelope.data), position, recordedAt, personalFields: personal?.fields ?? [] };
};

const openPersonal = async ({ tenant, stream, id, personal }: Envelope, log: string, keys: DataKeys): Promise<NonNullable<RecordedEvent['personal']>> => {
  if (!personal) return {};
  const key = await keys.forReading(tenant, stream, personal);
  if (!key) return { erased: true };
  return JSON.parse(unseal(key.key, Buffer.from(personal.sealed, 'base64'), personalContext(log, id)).toString()) as JsonObject;
};

/** What readers of the log will see of an event that was just appended; personal data in the clear, as the caller gave it. */
export const justRecorded = ({ entry }: BatchEntry | { entry: BatchEntry['entry'] }, prepared: PreparedEvent, position: number, recordedAt: string): RecordedEvent => {
  const { event, id, version, personalFields } = prepared;
  const causationId = event.causationId ?? entry.causationId;
  return {
    position,
    id,
    tenant: entry.tenant,
    stream: entry.stream,
    version,
    type: event.type,
    schemaVersion: event.schemaVersion ?? 1,
    occurredAt: event.occurredAt,
    recordedAt,
    actor: event.actor ?? entry.actor,
    correlationId: entry.correlationId,
    ...(causationId === undefined ? {} : { causationId }),
    ...(entry.traceparent === undefined ? {} : { traceparent: entry.traceparent }),
    outcome: event.outcome ?? 'success',
    ...(event.reason === undefined ? {} : { reason: event.reason }),
    data: event.data,
    personalFields,
    ...(event.personal === undefined ? {} : { personal: event.personal }),
  };
};
