/** Turns what callers want appended into bytes, before and outside of any lock. */
import { AppError } from '@mandate/kernel';
import type { DataKeys, EntryKey } from './data-keys.js';
import { eventId, sealPersonal, writeEnvelope } from './envelope.js';
import type { AppendEntry, NewEvent } from './types.js';

export interface PreparedEvent {
  id: string;
  version: number;
  event: NewEvent;
  personalFields: readonly string[];
  canonical: string;
  /** Of `canonical` in UTF-8. */
  bytes: number;
}

export interface PreparedEntry {
  entry: AppendEntry;
  /** As es.append reads it: a version, 0 = no stream, -1 = stream exists, -2 = any. */
  expected: number;
  events: PreparedEvent[];
  bytes: number;
  /** Kept in the stream's row. */
  streamKey: EntryKey | null;
}

export const STREAM_EXISTS = -1;
export const ANY_VERSION = -2;

const MAX_EVENT_BYTES = 4 * 1024 * 1024;

export const prepareEntry = (
  log: string,
  where: string,
  keys: DataKeys,
  entry: AppendEntry,
  expected: number,
): PreparedEntry | Promise<PreparedEntry> => {
  assertStorable(entry);
  const build = (key: EntryKey | null): PreparedEntry => buildEntry(log, where, entry, expected, key);
  if (!entry.events.some(({ personal }) => personal !== undefined)) return build(null);
  const key = keys.forEntry(entry, expected === 0);
  return key instanceof Promise ? key.then(build) : build(key);
};

const buildEntry = (log: string, where: string, entry: AppendEntry, expected: number, key: EntryKey | null): PreparedEntry => {
  let bytes = 0;
  const events = entry.events.map((event, index) => {
    const prepared = buildEvent(log, where, entry, event, expected + index + 1, key);
    bytes += prepared.bytes;
    return prepared;
  });
  return { entry, expected, events, bytes, streamKey: key?.place === 'stream' ? key : null };
};

const NO_FIELDS: readonly string[] = [];

const buildEvent = (
  log: string,
  where: string,
  entry: AppendEntry,
  event: NewEvent,
  version: number,
  key: EntryKey | null,
): PreparedEvent => {
  const id = eventId(log, entry.tenant, entry.stream, version);
  const personal = event.personal && key ? sealPersonal(log, id, event.personal, key) : undefined;
  const canonical = writeEnvelope(entry, event, { id, version, where, ...(personal ? { personal } : {}) });
  const bytes = Buffer.byteLength(canonical);
  if (bytes > MAX_EVENT_BYTES)
    throw new AppError('EVENT_TOO_LARGE', 'too-large', `${event.type} has ${bytes} bytes; at most ${MAX_EVENT_BYTES} are stored`);
  if (Number.isNaN(Date.parse(event.occurredAt)))
    throw new AppError('INVALID_EVENT', 'invalid', `${event.type} occurred at "${event.occurredAt}", which is no RFC 3339 time`);
  return { id, version, event, personalFields: personal?.fields ?? NO_FIELDS, canonical, bytes };
};

/** PostgreSQL's text holds no NUL; caught here, so that one caller's text does not fail the others of its batch. */
const assertStorable = (entry: AppendEntry): void => {
  const { idempotency } = entry.request ?? {};
  const texts = [
    entry.tenant,
    entry.stream.type,
    entry.stream.id,
    entry.actor.id,
    entry.correlationId,
    entry.causationId,
    entry.traceparent,
    idempotency?.principal,
    idempotency?.key,
  ];
  for (const text of texts)
    if (text?.includes('\0'))
      throw new AppError('INVALID_EVENT', 'invalid', 'a tenant, id or idempotency key holds a NUL character, which cannot be stored');
};
