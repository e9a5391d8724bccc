/**
 * Requests over plain NATS, many at once: one inbox for all, and an error is made only when there is one. (The client's own `request` captures a
 * stack trace for every request in case it fails, which costs more than the request.)
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { AppError } from '@mandate/kernel';

interface Waiting {
  resolve(message: Msg): void;
  reject(error: Error): void;
  until: number;
}

const SWEEP_MS = 100;

export class Replies {
  private readonly inbox = createInbox();
  private readonly waiting = new Map<string, Waiting>();
  private readonly subscription: Subscription;
  private sweeping: NodeJS.Timeout | undefined;
  private count = 0;

  constructor(private readonly connection: NatsConnection) {
    this.subscription = connection.subscribe(`${this.inbox}.*`, { callback: (error, message) => void (error ?? this.take(message)) });
  }

  /** A subject for one answer, and the promise of it: rejects with AppError `NO_RESPONDERS` or, within a tenth of a second of `timeoutMs`, `TIMED_OUT`. */
  expect(timeoutMs: number): { replyTo: string; answer: Promise<Msg>; forget: () => void } {
    const replyTo = `${this.inbox}.${(this.count++).toString(36)}`;
    const answer = new Promise<Msg>((resolve, reject) =>
      this.waiting.set(replyTo, { resolve, reject, until: performance.now() + timeoutMs }),
    );
    this.sweeping ??= setInterval(() => this.sweep(), SWEEP_MS);
    return { replyTo, answer, forget: () => void this.waiting.delete(replyTo) };
  }

  request(subject: string, body: string | Uint8Array, { timeoutMs, headers }: { timeoutMs: number; headers?: MsgHdrs }): Promise<Msg> {
    const { replyTo, answer } = this.expect(timeoutMs);
    this.connection.publish(subject, body, { reply: replyTo, ...(headers ? { headers } : {}) });
    return answer;
  }

  stop(): void {
    clearInterval(this.sweeping);
    if (!this.subscription.isClosed()) this.subscription.unsubscribe();
    for (const { reject } of this.waiting.values()) reject(new AppError('STOPPED', 'unavailable', 'this process stops'));
    this.waiting.clear();
  }

  private take(message: Msg): void {
    const waiting = this.waiting.get(message.subject);
    if (!waiting) return;
    this.waiting.delete(message.subject);
    if (isNoResponders(message)) waiting.reject(new AppError('NO_RESPONDERS', 'unavailable', 'nobody listens there'));
    else waiting.resolve(message);
  }

  private sweep(): void {
    const now = performance.now();
    for (const [subject, { until, reject }] of this.waiting) {
      if (until > now) continue;
      this.waiting.delete(subject);
      reject(new AppError('TIMED_OUT', 'unavailable', 'no answer in time'));
    }
    if (this.waiting.size > 0) return;
    clearInterval(this.sweeping);
    this.sweeping = undefined;
  }
}

/** How nats-server says that a subject has no subscriber: an empty message with status 503. */
const isNoResponders = ({ data, headers }: Msg): boolean => data.length === 0 && headers?.code === 503;
