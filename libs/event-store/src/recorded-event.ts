/** Events as readers see them: from rows, or straight from what was just appended. */
import type { JsonObject } from '@mandate/kernel';
import type pg from 'pg';
import type { DataKeys } from './data-keys.js';
import { personalContext, type PersonalBlob } from './envelope.js';
import { EnvelopeReader, type EnvelopeParts } from './envelope-reader.js';
import { unreadableRecord } from './unreadable-record.js';
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

/**
 * Makes events of the rows of one query while the rest is still on its way. A row holds the positions, the times (milliseconds) and the envelopes,
 * a line each, of some events, in columns of that order.
 */
export class EventsOnArrival {
  readonly types: pg.CustomTypesConfig = {
    getTypeParser: (type: number) =>
      type === TEXT ? (text: string) => this.decode(text) : (text: string) => this.numbers.push(integers(text)),
  };
  private readonly events: RecordedEvent[] = [];
  private readonly sealed: [event: RecordedEvent, personal: PersonalBlob][] = [];
  private readonly reader = new EnvelopeReader();
  /** Positions and times of the row under way. */
  private numbers: number[][] = [];
  private time = 0;
  private recordedAt = '';

  constructor(private readonly decoder: Decoder) {}

  /** All events, once the query has ended. */
  async opened(): Promise<RecordedEvent[]> {
    const { log, keys } = this.decoder;
    if (keys) for (const [event, personal] of this.sealed) event.personal = await openPersonal(event, personal, log, keys);
    return this.events;
  }

  /** Canonical JSON holds no line break. */
  private decode(envelopes: string): void {
    const [positions = [], times = []] = this.numbers;
    this.numbers = [];
    const lines = envelopes.split('\n');
    for (let i = 0; i < lines.length; i++) {
      const envelope = this.read(lines[i] as string, positions[i]);
      if (times[i] !== this.time) this.recordedAt = new Date((this.time = times[i] as number)).toISOString();
      const event = recorded(envelope, positions[i] as number, this.recordedAt, this.decoder.upcasters);
      this.events.push(event);
      if (envelope.tail.personal) this.sealed.push([event, envelope.tail.personal]);
    }
  }

  private read(line: string, position: number | undefined): EnvelopeParts {
    try {
      return this.reader.read(line);
    } catch (error) {
      throw unreadableRecord(error, position);
    }
  }
}

const TEXT = 25;

const integers = (array: string): number[] => JSON.parse(`[${array.slice(1, -1)}]`) as number[];

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
