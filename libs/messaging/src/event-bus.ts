/** Publishing committed events: one atomic batch a call, fenced by the stream's last sequence. */
import { randomBytes } from 'node:crypto';
import { JetStreamApiError, jetstreamManager, type JetStreamManager, type PubAck } from '@nats-io/jetstream';
import { headers as newHeaders, Match, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { EVENTS_STREAM } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';

export interface BusMessage {
  subject: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** `source`: its `ce-source`; positions of different sources are never compared. */
export type LastMessage = { sequence: number; position: number; eventId: string; source?: string } | { sequence: number; position: null };

/** The server takes at most this many messages in one atomic batch (ADR-50). */
const BATCH_LIMIT = 1000;
const PUBLISH_TIMEOUT_MS = 5_000;
const NO_MESSAGE_FOUND = 10037;

interface BatchAnswer extends Partial<PubAck> {
  error?: { code: number; err_code: number; description: string };
}

export class JetStreamEventBus {
  private manager: JetStreamManager | undefined;

  constructor(private readonly connection: NatsConnection) {}

  /**
   * Publishes `messages` in order, all or none of each thousand, only if the stream's last sequence is `expectedLastSequence`.
   * Resolves to the new last sequence. Throws AppError `BUS_FENCED` when another publisher was there first; anything else is unknown: re-read `lastMessage`.
   */
  async publishBatch(messages: readonly BusMessage[], expectedLastSequence: number): Promise<number> {
    let last = expectedLastSequence;
    for (let from = 0; from < messages.length; from += BATCH_LIMIT)
      last = await this.publishAtomically(messages.slice(from, from + BATCH_LIMIT), last);
    return last;
  }

  private async publishAtomically(messages: readonly BusMessage[], expectedLastSequence: number): Promise<number> {
    const batchId = messages.length > 1 ? randomBytes(12).toString('base64url') : null;
    const commit = messages.length - 1;
    for (let i = 0; i < commit; i++) {
      const { subject, body, headers } = messages[i] as BusMessage;
      this.connection.publish(subject, body, {
        headers: natsHeaders(headers, batchId, i + 1, i === 0 ? expectedLastSequence : null, false),
      });
    }
    const { subject, body, headers } = messages[commit] as BusMessage;
    const answer = await this.connection.request(subject, body, {
      timeout: PUBLISH_TIMEOUT_MS,
      headers: natsHeaders(headers, batchId, commit + 1, commit === 0 ? expectedLastSequence : null, batchId !== null),
    });
    return sequenceOf(answer.json<BatchAnswer>());
  }

  /** The stream's last message; null when it is empty, with the sequence that the next publish has to expect. */
  async lastMessage(): Promise<LastMessage> {
    this.manager ??= await jetstreamManager(this.connection);
    const { state } = await this.manager.streams.info(EVENTS_STREAM);
    if (state.last_seq === 0) return { sequence: 0, position: null };
    try {
      const message = await this.manager.streams.getMessage(EVENTS_STREAM, { seq: state.last_seq });
      if (!message) return { sequence: state.last_seq, position: null };
      const { header, seq } = message;
      const source = header.get('ce-source');
      return { sequence: seq, position: Number(header.get('ce-sequence')), eventId: header.get('ce-id'), ...(source ? { source } : {}) };
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === NO_MESSAGE_FOUND) return { sequence: state.last_seq, position: null };
      throw error;
    }
  }
}

const natsHeaders = (
  values: BusMessage['headers'],
  batchId: string | null,
  sequence: number,
  expectedLast: number | null,
  commits: boolean,
): MsgHdrs => {
  const headers = newHeaders();
  for (const name in values) headers.set(name, values[name] as string, Match.Exact);
  if (batchId !== null) {
    headers.set('Nats-Batch-Id', batchId, Match.Exact);
    headers.set('Nats-Batch-Sequence', String(sequence), Match.Exact);
    if (commits) headers.set('Nats-Batch-Commit', '1', Match.Exact);
  }
  if (expectedLast !== null) headers.set('Nats-Expected-Last-Sequence', String(expectedLast), Match.Exact);
  return headers;
};

/** JetStream error codes for "wrong last sequence" (nats-server errors.json). */
const WRONG_LAST_SEQUENCE = new Set([10070, 10071, 10164]);

const sequenceOf = (answer: BatchAnswer): number => {
  if (answer.error) {
    const { err_code, description } = answer.error;
    if (WRONG_LAST_SEQUENCE.has(err_code))
      throw new AppError('BUS_FENCED', 'conflict', `another publisher wrote to ${EVENTS_STREAM}: ${description}`);
    throw new AppError('BUS_REFUSED', 'unavailable', `${EVENTS_STREAM} refused a batch: ${description} (${err_code})`);
  }
  if (answer.seq === undefined) throw new AppError('BUS_REFUSED', 'unavailable', `${EVENTS_STREAM} gave no sequence`);
  return answer.seq;
};
