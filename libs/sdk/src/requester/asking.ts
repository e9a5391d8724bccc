/** Publishing to the inbound stream and waiting for the engine's one answer. Publishing the same id again is harmless, so doubt is met by asking again. */
import { REPLY_TO_HEADER, type Acknowledgement } from '@mandate/contracts/wire';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { backoffMs, pause, type Backoff } from '../backoff.js';
import { MandateError } from '../errors.js';
import { answerOf, headersOf, isHopeless, publishOnce } from '../wire.js';
import type { ReplyInbox } from './reply-inbox.js';

export interface Question {
  subject: string;
  body: Uint8Array;
  traceparent?: string;
}

/** No stream yet, or no ack: the request may not be stored. */
const NOT_STORED: Backoff = { firstMs: 100, capMs: 5_000 };
/** Stored, so it is never lost: only the answer may be, or no engine runs. */
const STORED: Backoff = { firstMs: 5_000, capMs: 60_000 };

/** Throws ProblemError when the engine refuses, the signal's reason when it aborts, the connection's error when it is closed for good. */
export const ask = async (
  connection: NatsConnection,
  inbox: ReplyInbox,
  { subject, body, traceparent }: Question,
  signal: AbortSignal,
): Promise<Acknowledgement> => {
  const reply = inbox.expect();
  const headers = headersOf({ [REPLY_TO_HEADER]: reply.subject, traceparent });
  try {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      const stored = await isStored(publishOnce(connection, { subject, body, headers }, attempt));
      const answer = await within(backoffMs(attempt, stored ? STORED : NOT_STORED), reply.message, signal);
      if (answer) return acknowledgementOf(answer);
    }
  } finally {
    reply.forget();
  }
};

const isStored = async (publishing: Promise<void>): Promise<boolean> => {
  try {
    await publishing;
    return true;
  } catch (error) {
    if (isHopeless(error) || (error instanceof MandateError && error.code === 'TOO_LARGE')) throw error;
    return false;
  }
};

const within = async (ms: number, message: Promise<Msg>, signal: AbortSignal): Promise<Msg | null> => {
  const waiting = new AbortController();
  const waited = pause(ms, AbortSignal.any([waiting.signal, signal])).then(() => null);
  try {
    return await Promise.race([message, waited]);
  } finally {
    waited.catch(() => undefined);
    waiting.abort();
  }
};

const acknowledgementOf = (message: Msg): Acknowledgement => {
  const answer = answerOf(message);
  if (typeof answer['id'] !== 'string' || typeof answer['state'] !== 'string')
    throw new MandateError('BAD_ANSWER', 'the engine acknowledged without id and state');
  return answer as unknown as Acknowledgement;
};
