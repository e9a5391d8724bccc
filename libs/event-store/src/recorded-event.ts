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

/** What decoding a row needs; `keys` only when personal data is wanted. */
export interface Decoder {
  log: string;
  upcasters: Upcasters;
  keys: DataKeys | null;
}

/** Of one row: the envelopes, positions and times (milliseconds) of a page, each separated by commas; null when it is empty. */
export const decodePage = async ([row]: readonly Row[], { log, upcasters, keys }: Decoder): Promise<RecordedEvent[]> => {
  if (!row || row['envelopes'] === null) return [];
  const envelopes = JSON.parse(`[${row['envelopes'] as string}]`) as Envelope[];
  const positions = (row['positions'] as string).split(',');
  const times = (row['times'] as string).split(',');
  let time = '';
  let recordedAt = '';
  const events = envelopes.map((envelope, i) => {
    if (times[i] !== time) recordedAt = new Date(Number((time = times[i] as string))).toISOString();
    return recorded(envelope, Number(positions[i]), recordedAt, upcasters);
  });
  if (keys) for (const [i, envelope] of envelopes.entries()) if (envelope.personal) (events[i] as RecordedEvent).personal = await openPersonal(envelope, log, keys);
  return events;
};

const recorded = (envelope: Envelope, position: number, recordedAt: string, upcasters: Upcasters): RecordedEvent => {
  const { id, tenant, stream, version, type, occurredAt, actor, correlationId, causationId, traceparent, outcome, reason, personal } = envelope;
  const { schemaVersion, data } = upcasters.upcast(type, envelope.schemaVersion, envelope.data);
  const event: RecordedEvent = { position, id, tenant, stream, version, type, schemaVersion, occurredAt, recordedAt, actor, correlationId, outcome, data, personalFields: personal?.fields ?? [] };
  if (causationId !== undefined) event.causationId = causationId;
  if (traceparent !== undefined) event.traceparent = traceparent;
  if (reason !== undefined) event.reason = reason;
  return event;
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
