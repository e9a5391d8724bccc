/** The audit record of an event in canonical form: what is stored, hashed, and never changed. Nothing in it is given out under the head lock. */
import { hash } from 'node:crypto';
import { AppError, encode128, type JsonObject } from '@mandate/kernel';
import { canonicalJson } from './canonical-json.js';
import { seal, type DataKey } from './keys.js';
import type { Actor, AppendEntry, NewEvent, Outcome, StreamId, Where } from './types.js';

/** Where the key of a blob is kept: with its stream, or under the data subject's blind index (hex). */
export type KeyPlace = 'stream' | { subject: string };

export interface PersonalBlob {
  kid: string;
  place: KeyPlace;
  fields: string[];
  /** Base64 of nonce, ciphertext, tag; see `seal`. */
  sealed: string;
}

/** What `canonical` parses to. `envelope` is the format's number. */
export interface Envelope {
  envelope: 1;
  id: string;
  tenant: string;
  stream: StreamId;
  version: number;
  type: string;
  schemaVersion: number;
  occurredAt: string;
  actor: Actor;
  correlationId: string;
  causationId?: string;
  traceparent?: string;
  outcome: Outcome;
  reason?: string;
  data: JsonObject;
  personal?: PersonalBlob;
  where: Where;
}

/** The id of the event at one place of one log: whoever appends it again gives it the same. */
export const eventId = (log: string, tenant: string, stream: StreamId, version: number): string =>
  encode128(Buffer.from(hash('sha256', `${log}|${tenant}|${stream.type}|${stream.id}|${version}`, 'binary'), 'binary'));

export interface EventKey {
  key: DataKey;
  place: KeyPlace;
}

export const sealPersonal = (log: string, id: string, personal: JsonObject, { key, place }: EventKey): PersonalBlob => ({
  kid: key.kid,
  place,
  fields: Object.keys(personal).sort(),
  sealed: seal(key.key, Buffer.from(JSON.stringify(personal)), personalContext(log, id)).toString('base64'),
});

/** Binds a blob to its log and event: it opens nowhere else. */
export const personalContext = (log: string, eventIdentity: string): string => `${log}|${eventIdentity}`;

/**
 * Writes the canonical form member by member in sorted order, which is three times as fast as sorting.
 * Throws AppError `INVALID_EVENT` when data cannot be written as JSON.
 */
export const writeEnvelope = (
  entry: AppendEntry,
  event: NewEvent,
  identity: { id: string; version: number; where: string; personal?: PersonalBlob },
): string => {
  const causation = event.causationId ?? entry.causationId;
  try {
    return (
      `{"actor":${canonicalActor(event.actor ?? entry.actor)}` +
      (causation === undefined ? '' : `,"causationId":${JSON.stringify(causation)}`) +
      `,"correlationId":${JSON.stringify(entry.correlationId)},"data":${canonicalJson(event.data)},"envelope":1,"id":"${identity.id}"` +
      `,"occurredAt":${JSON.stringify(event.occurredAt)},"outcome":"${event.outcome ?? 'success'}"` +
      (identity.personal ? `,"personal":${canonicalJson(identity.personal as unknown as JsonObject)}` : '') +
      (event.reason === undefined ? '' : `,"reason":${canonicalJson(event.reason)}`) +
      `,"schemaVersion":${event.schemaVersion ?? 1},"stream":{"id":${JSON.stringify(entry.stream.id)},"type":${JSON.stringify(entry.stream.type)}}` +
      `,"tenant":${JSON.stringify(entry.tenant)}` +
      (entry.traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(entry.traceparent)}`) +
      `,"type":${JSON.stringify(event.type)},"version":${identity.version},"where":${identity.where}}`
    );
  } catch (cause) {
    throw new AppError(
      'INVALID_EVENT',
      'invalid',
      `${event.type} of ${entry.stream.id} cannot be written as JSON: ${String(cause)}`,
      {},
      { cause },
    );
  }
};

const actors = new WeakMap<Actor, string>();

/** Most entries share few actors; they are values, never changed. */
const canonicalActor = (actor: Actor): string => {
  let text = actors.get(actor);
  if (text === undefined) {
    text = canonicalJson(actor as unknown as JsonObject);
    actors.set(actor, text);
  }
  return text;
};
