/** Messages as they lie on NATS: JSON bodies, string headers, problem documents. */
import { PROBLEM_CONTENT_TYPE, type Problem } from '@mandate/contracts/wire';
import {
  ClosedConnectionError,
  DrainingConnectionError,
  headers as newHeaders,
  Match,
  PermissionViolationError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from '@nats-io/transport-node';
import { backoffMs, pause } from './backoff.js';
import { MandateError, ProblemError } from './errors.js';

/** A message written to a connection that dies is lost without a word: the first wait for an ack is short. */
const ACK_TIMEOUTS_MS = [1_500, 5_000] as const;
const REPUBLISH = { firstMs: 100, capMs: 10_000 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Throws MandateError `NOT_JSON` for what JSON cannot say (a cycle, a BigInt). */
export const encodeJson = (value: unknown): Uint8Array => {
  try {
    return encoder.encode(JSON.stringify(value));
  } catch (cause) {
    throw new MandateError('NOT_JSON', `the value cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
};

/** Undefined when the bytes are not JSON. */
export const decodeJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
};

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Header names keep their case: `ce-id`, not `Ce-Id`. */
export const headersOf = (values: Readonly<Record<string, string | undefined>>): MsgHdrs => {
  const headers = newHeaders();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) headers.set(name, value, Match.Exact);
  return headers;
};

/** The answer's body; throws the ProblemError it holds, or MandateError `BAD_ANSWER`. */
export const answerOf = (message: Msg): Record<string, unknown> => {
  const body = decodeJson(message.data);
  if (!isObject(body)) throw new MandateError('BAD_ANSWER', 'the engine answered with something that is not a JSON object');
  if (message.headers?.get('Content-Type', Match.IgnoreCase).startsWith(PROBLEM_CONTENT_TYPE))
    throw new ProblemError(body as unknown as Problem);
  return body;
};

/** Nothing that is tried on this connection will ever work. */
export const isHopeless = (error: unknown): boolean =>
  error instanceof ClosedConnectionError ||
  error instanceof DrainingConnectionError ||
  error instanceof PermissionViolationError ||
  (error instanceof Error && isHopelessCause(error.cause));

const isHopelessCause = (cause: unknown): boolean => cause !== undefined && isHopeless(cause);

export interface StreamMessage {
  subject: string;
  body: Uint8Array;
  headers: MsgHdrs;
}

/** Publishes to a stream once; throws when the stream did not take the message, or nobody knows whether it did. */
export const publishOnce = async (
  connection: NatsConnection,
  { subject, body, headers }: StreamMessage,
  attempt: number,
): Promise<void> => {
  const limit = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  if (body.length >= limit) throw new MandateError('TOO_LARGE', `${body.length} bytes; the server takes less than ${limit}`);
  const timeout = attempt === 0 ? ACK_TIMEOUTS_MS[0] : ACK_TIMEOUTS_MS[1];
  const ack = decodeJson((await connection.request(subject, body, { headers, timeout })).data);
  if (!isObject(ack) || 'error' in ack) {
    const error = isObject(ack) && isObject(ack['error']) ? ack['error'] : {};
    throw new MandateError('STREAM_REFUSED', `the stream did not take the message: ${String(error['description'] ?? 'no ack')}`);
  }
};

/** Publishes until the stream has acked, across reconnects. Throws when the signal aborts or the connection is closed for good. */
export const publishUntilAcked = async (connection: NatsConnection, message: StreamMessage, signal: AbortSignal): Promise<void> => {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await publishOnce(connection, message, attempt);
    } catch (error) {
      if (isHopeless(error) || (error instanceof MandateError && error.code === 'TOO_LARGE')) throw error;
    }
    await pause(backoffMs(attempt, REPUBLISH), signal);
  }
};
