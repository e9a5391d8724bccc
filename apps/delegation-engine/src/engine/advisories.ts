/** Messages that the server gave up on: told by advisories, kept by a stream, and caught into the dead letters. */
import { createHash } from 'node:crypto';
import { IN_STREAM, parseInbound } from '@mandate/contracts';
import type { DeadLetters, NewDeadLetter } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import { ADVISORIES_CONSUMER, ADVISORIES_STREAM, consumeInbound, publishedSubject, type Consuming } from '@mandate/messaging';
import type { Logger } from '@mandate/service-host';
import { jetstreamManager, type JsMsg, type StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

interface Advisory {
  type: string;
  timestamp: string;
  consumer: string;
  stream_seq: number;
  deliveries: number;
  reason?: string;
}

const RETRY_MS = 1_000;

export class Advisories {
  private consuming: Consuming | undefined;

  constructor(
    private readonly connection: NatsConnection,
    private readonly letters: DeadLetters,
    private readonly logger: Logger,
  ) {}

  async start(): Promise<void> {
    this.consuming = await consumeInbound(this.connection, ADVISORIES_CONSUMER, (message) => void this.take(message), ADVISORIES_STREAM);
  }

  async stop(): Promise<void> {
    await this.consuming?.stop();
  }

  private async take(message: JsMsg): Promise<void> {
    const advisory = advisoryIn(message);
    if (!advisory) {
      // Whoever may publish may publish this; it would come again for ever.
      this.logger.warn({ subject: message.subject }, 'what came as an advisory is none; it is dropped');
      message.ack();
      return;
    }
    try {
      await this.park(advisory, message.subject);
      message.ack();
    } catch (error) {
      this.logger.warn({ error: String(error), subject: message.subject }, 'an advisory could not be parked; it comes again');
      message.nak(RETRY_MS);
    }
  }

  /** A terminated message is gone already; one that was delivered too often lies in the stream for good unless it is taken out. */
  private async park(advisory: Advisory, subject: string): Promise<void> {
    const terminated = subject.includes('.MSG_TERMINATED.');
    const { streams } = await jetstreamManager(this.connection);
    const stored = await streams.getMessage(IN_STREAM, { seq: advisory.stream_seq });
    if (stored) await this.letters.park({ ...letterOf(advisory, terminated), ...contentOf(stored) });
    else if (terminated)
      await this.letters.park({ ...letterOf(advisory, terminated), tenant: 'default', source: subject, payload: new Uint8Array() });
    if (stored) await streams.deleteMessage(IN_STREAM, advisory.stream_seq);
  }
}

const advisoryIn = (message: JsMsg): Advisory | null => {
  try {
    const said = message.json<Partial<Advisory> | null>();
    const { timestamp, consumer, stream_seq: sequence = 0, deliveries = 0 } = said ?? {};
    const isOne =
      typeof consumer === 'string' &&
      Number.isSafeInteger(sequence) &&
      sequence > 0 &&
      Number.isInteger(deliveries) &&
      deliveries >= 0 &&
      deliveries < 2 ** 31;
    return isOne && Number.isFinite(Date.parse(String(timestamp))) ? (said as Advisory) : null;
  } catch {
    return null;
  }
};

const letterOf = (
  { timestamp, consumer, stream_seq: sequence, deliveries, reason }: Advisory,
  terminated: boolean,
): Pick<NewDeadLetter, 'id' | 'reason' | 'detail' | 'attempts'> => ({
  // The same for an advisory that comes again.
  id: ulid(Date.parse(timestamp), createHash('sha256').update(`${sequence}/${timestamp}`).digest()),
  reason: terminated ? 'MSG_TERMINATED' : 'MAX_DELIVERIES',
  detail: `message ${sequence} of ${IN_STREAM}, by consumer ${consumer}${reason ? `: ${reason}` : ''}`.slice(0, 500),
  attempts: deliveries,
});

const contentOf = (stored: StoredMsg): Pick<NewDeadLetter, 'tenant' | 'source' | 'payload' | 'headers' | 'delegationId'> => {
  const source = publishedSubject(stored.subject).slice(0, 500);
  const inbound = parseInbound(source);
  const headers = Object.fromEntries([...stored.header].map(([name, values]) => [name, values.join(', ')]));
  return { tenant: inbound?.tenant ?? 'default', source, payload: stored.data, headers, delegationId: inbound?.id ?? null };
};
