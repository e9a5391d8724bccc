/** Puts a message on the inbound stream like any outside client, and waits for its one answer. */
import { MESSAGE_LIMITS, REPLY_TO_HEADER, type Acknowledgement, type Problem } from '@mandate/contracts';
import { AppError, type ErrorKind } from '@mandate/kernel';
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import type { Replies } from '@mandate/messaging';
import { headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';

/** What the bus takes less our headers. */
const LARGEST_BODY = MESSAGE_LIMITS.maxBytes - 1_024;
const ANSWER_TIMEOUT_MS = 15_000;

export class InboundAsker {
  private readonly bus: JetStreamClient;

  constructor(
    connection: NatsConnection,
    private readonly replies: Replies,
  ) {
    this.bus = jetstream(connection);
  }

  /** Throws the engine's problem as AppError; `unavailable` when nobody answers in time: the message is stored all the same. */
  async ask(subject: string, body: string | Uint8Array, traceparent: string): Promise<Acknowledgement> {
    const { replyTo, answer, forget } = this.replies.expect(ANSWER_TIMEOUT_MS);
    answer.catch(() => undefined);
    const headers = newHeaders();
    headers.set(REPLY_TO_HEADER, replyTo);
    headers.set('traceparent', traceparent);
    try {
      await this.publish(subject, body, headers);
    } catch (error) {
      forget();
      throw error;
    }
    return acknowledgementOf(await answer.catch(notYet));
  }

  private async publish(subject: string, body: string | Uint8Array, headers: ReturnType<typeof newHeaders>): Promise<void> {
    try {
      await this.bus.publish(subject, body, { headers });
    } catch (cause) {
      if (body.length > LARGEST_BODY)
        throw new AppError(
          'TOO_LARGE',
          'too-large',
          `${body.length} bytes; at most ${LARGEST_BODY} are taken: pass large data by reference`,
        );
      throw new AppError('BUS_UNAVAILABLE', 'unavailable', 'the bus did not take the message: try again with the same id', {}, { cause });
    }
  }
}

const notYet = (): never => {
  throw new AppError('NO_ANSWER_YET', 'unavailable', STORED);
};

const STORED = 'the message is stored and will be taken; ask for the state of the delegation, or send it again with the same id';

const KINDS: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  413: 'too-large',
  429: 'limited',
  503: 'unavailable',
};

const acknowledgementOf = (message: Msg): Acknowledgement => {
  const document = message.json<Acknowledgement | Problem>();
  if (!('status' in document)) return document;
  const { status, code, detail, type: _type, title: _title, ...details } = document;
  throw new AppError(code, KINDS[status] ?? 'internal', detail, details);
};
