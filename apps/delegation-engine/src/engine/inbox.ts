/** Messages of the inbound stream: requests and results on the hot path, commands through Nest. Each is settled only after its commit. */
import type { JsMsg } from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { type Inbound, parseInbound, REPLY_TO_HEADER, toProblem } from '@mandate/contracts';
import { AppError, isRetryable } from '@mandate/kernel';
import type { DeadLetters, Refusal } from '@mandate/event-store';
import { continueTrace, publishedSubject, problemHeaders } from '@mandate/messaging';
import { runInTrace, type Logger } from '@mandate/service-host';
import { StaleWriterError } from './delegation-writer.js';
import type { Work } from './work.js';

export interface InboundMessage {
  inbound: Inbound;
  subject: string;
  body: Uint8Array;
  /** Ours, not the publisher's: it appears in events, and `Nats-Msg-Id` of a result holds the secret lease id. */
  messageId: string;
  headers: MsgHdrs | undefined;
  traceparent: string | undefined;
}

/** What a handled message is answered with, on its reply subject if it named one. */
export type Handle = (message: InboundMessage) => Promise<unknown>;

/** A message that must be kept although nothing came of it. */
export class ParkedError extends AppError {}

const INBOX = /^_INBOX\.[^\s*>]{1,200}$/;
const RETRY_MS = 500;
/** Messages of a mebibyte are allowed, and thousands may be outstanding: above this they wait in the stream, not in the heap. */
const IN_HAND_BYTES = 64 * 1024 ** 2;
const BEHIND_MS = 2_000;

export interface InboxOptions {
  work: Pick<Work, 'lanes' | 'clock'>;
  connection: NatsConnection;
  deadLetters: DeadLetters;
  logger: Logger;
  handle: Handle;
  /** Puts on record what is refused, before that is answered or parked. */
  refused: (refusal: Refusal) => Promise<void>;
  /** The log moved without this engine. */
  stale: () => void;
}

export class Inbox {
  /** Redeliveries of what is still in hand are not taken twice. */
  private readonly inHand = new Set<number>();
  private inHandBytes = 0;
  private lastTaken = { at: 0, waitedMs: 0 };

  constructor(private readonly options: InboxOptions) {}

  /** Messages lie in the stream for long before they are taken: what seems to be missing may be among them. */
  isBehind(): boolean {
    return this.inHand.size > 0 && this.lastTaken.waitedMs > BEHIND_MS && this.options.work.clock.now() - this.lastTaken.at < BEHIND_MS;
  }

  /** Never rejects: a message is acked, given back, or parked. */
  take(message: JsMsg): void {
    if (this.inHand.has(message.seq)) return;
    const bytes = message.data.length;
    if (this.inHandBytes > IN_HAND_BYTES) return message.nak(RETRY_MS);
    this.inHand.add(message.seq);
    this.inHandBytes += bytes;
    const now = this.options.work.clock.now();
    this.lastTaken = { at: now, waitedMs: now - Number(message.timestampNanos / 1_000_000n) };
    const subject = publishedSubject(message.subject);
    const inbound = parseInbound(subject);
    const lane = inbound?.id ?? subject;
    void this.options.work.lanes
      .run(lane, () => this.process(message, subject, inbound))
      .finally(() => {
        this.inHand.delete(message.seq);
        this.inHandBytes -= bytes;
      });
  }

  private async process(message: JsMsg, subject: string, inbound: Inbound | null): Promise<void> {
    try {
      if (!inbound) throw new ParkedError('INVALID_SUBJECT', 'invalid', 'the subject does not fit the contract: check its tokens');
      const header = message.headers?.get('traceparent') || undefined;
      const answer = await runInTrace(continueTrace(header), () =>
        this.options.handle({
          inbound,
          subject,
          body: message.data,
          messageId: `${subject}#${message.seq}`,
          headers: message.headers,
          traceparent: header,
        }),
      );
      this.reply(message, answer);
      message.ack();
    } catch (error) {
      await this.settle(message, subject, inbound, error);
    }
  }

  private async settle(message: JsMsg, subject: string, inbound: Inbound | null, error: unknown): Promise<void> {
    if (error instanceof StaleWriterError) {
      this.options.stale();
      message.nak(RETRY_MS);
      return;
    }
    if (!(error instanceof AppError)) {
      this.options.logger.error({ err: error, subject }, 'a message failed unexpectedly; it is parked');
    } else if (isRetryable(error)) {
      this.options.logger.warn({ code: error.code, subject }, 'a message waits for what is away');
      message.nak(RETRY_MS);
      return;
    }
    try {
      if (!this.canReply(message) || error instanceof ParkedError || !(error instanceof AppError))
        await this.park(message, subject, inbound, error);
      await this.record(message, inbound, error);
      this.reply(message, null, error);
      message.ack();
    } catch (parking) {
      this.options.logger.error({ err: parking, subject }, 'a message could not be parked; it comes again');
      message.nak(RETRY_MS);
    }
  }

  /** A request that is refused has its `rejected` event, unless it is in conflict with another one, which must not be touched. */
  private async record(message: JsMsg, inbound: Inbound | null, error: unknown): Promise<void> {
    const { code, status } = toProblem(error);
    if (inbound?.family === 'request' && code !== 'CONFLICT') return;
    const traceparent = message.headers?.get('traceparent') || undefined;
    await this.options.refused({
      tenant: inbound?.tenant ?? 'default',
      principal: inbound && 'principal' in inbound ? inbound.principal : 'unknown',
      kind: inbound?.family === 'result' ? 'worker' : 'agent',
      via: 'nats',
      operation: inbound?.family ?? 'other',
      code,
      status,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
  }

  private park(message: JsMsg, subject: string, inbound: Inbound | null, error: unknown): Promise<string> {
    const problem = toProblem(error);
    const headers: Record<string, string> = {};
    for (const [name, values] of message.headers ?? []) headers[name] = values.join(', ');
    return this.options.deadLetters.park({
      tenant: inbound?.tenant ?? 'default',
      source: subject.slice(0, 500),
      reason: problem.code,
      detail: problem.detail.slice(0, 500),
      payload: message.data,
      headers,
      delegationId: inbound?.id ?? null,
      attempts: message.info.deliveryCount,
    });
  }

  private canReply(message: JsMsg): boolean {
    return INBOX.test(message.headers?.get(REPLY_TO_HEADER) ?? '');
  }

  private reply(message: JsMsg, answer: unknown, error?: unknown): void {
    if (!this.canReply(message) || this.options.connection.isClosed()) return;
    const to = message.headers?.get(REPLY_TO_HEADER) as string;
    if (error === undefined) this.options.connection.publish(to, JSON.stringify(answer));
    else this.options.connection.publish(to, JSON.stringify(toProblem(error)), { headers: problemHeaders() });
  }
}
