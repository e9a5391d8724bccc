/** Events as readers see them: from rows, or straight from what was just appended. */
import type { JsonObject } from '@mandate/kernel';
import type { DataKeys } from './data-keys.js';
import type { Row } from './database.js';
import { personalContext, type PersonalBlob } from './envelope.js';
import type { EnvelopeParts } from './envelope-reader.js';
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

/** Rows that hold the envelopes, positions and times (milliseconds) of some events each. */
export const decodePage = async (rows: readonly Row[], { log, upcasters, keys }: Decoder): Promise<RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  let time = 0;
  let recordedAt = '';
  for (const row of rows) {
    const envelopes = row['envelopes'] as EnvelopeParts[];
    const positions = row['positions'] as number[];
    const times = row['times'] as number[];
    for (let i = 0; i < envelopes.length; i++) {
      const envelope = envelopes[i] as EnvelopeParts;
      if (times[i] !== time) recordedAt = new Date((time = times[i] as number)).toISOString();
      const event = recorded(envelope, positions[i] as number, recordedAt, upcasters);
      if (keys && envelope.tail.personal) event.personal = await openPersonal(event, envelope.tail.personal, log, keys);
      events.push(event);
    }
  }
  return events;
};

const NO_FIELDS: readonly string[] = [];

const recorded = (
  { head, own, tail, version }: EnvelopeParts,
  position: number,
  recordedAt: string,
  upcasters: Upcasters,
): RecordedEvent => {
  const { id, occurredAt } = own;
  const { actor, correlationId, causationId } = head;
  const { tenant, stream, type, traceparent, outcome, reason, personal } = tail;
  const { schemaVersion, data } = upcasters.upcast(type, tail.schemaVersion, own.data);
  const event: RecordedEvent = {
    position,
    id,
    tenant,
    stream,
    version,
    type,
    schemaVersion,
    occurredAt,
    recordedAt,
    actor,
    correlationId,
    outcome,
    data,
    personalFields: personal?.fields ?? NO_FIELDS,
  };
  if (causationId !== undefined) event.causationId = causationId;
  if (traceparent !== undefined) event.traceparent = traceparent;
  if (reason !== undefined) event.reason = reason;
  return event;
};

const openPersonal = async (
  { tenant, stream, id }: RecordedEvent,
  personal: PersonalBlob,
  log: string,
  keys: DataKeys,
): Promise<NonNullable<RecordedEvent['personal']>> => {
  const key = await keys.forReading(tenant, stream, personal);
  if (!key) return { erased: true };
  return JSON.parse(unseal(key.key, Buffer.from(personal.sealed, 'base64'), personalContext(log, id)).toString()) as JsonObject;
};

/** What readers of the log will see of an event that was just appended; personal data in the clear, as the caller gave it. */
export const justRecorded = (
  { entry }: BatchEntry | { entry: BatchEntry['entry'] },
  prepared: PreparedEvent,
  position: number,
  recordedAt: string,
): RecordedEvent => {
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
