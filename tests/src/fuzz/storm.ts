/** Sends hostile messages at a steady pace and keeps account of what became of each. */
import { setTimeout as delay } from 'node:timers/promises';
import { seeded } from '@mandate/testing';
import { jetstream } from '@nats-io/jetstream';
import { createInbox, headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { hostileMessage } from './hostile.js';
import type { HostileMessage, Target } from './hostile-message.js';

export interface StormOptions {
  connection: NatsConnection;
  target: Target;
  messages: number;
  seed: number;
  /** At most so many a second, so that the figures say what they do to others and not how fast this process can send. */
  perSecond: number;
}

export interface StormOutcome {
  sent: number;
  problems: number;
  accepted: string[];
  heartbeats: number;
  /** By subject, how many were sent without a reply subject and must have been parked. */
  toBeParked: Map<string, number>;
  byKind: Map<string, number>;
  byCode: Map<string, number>;
  failures: string[];
  seconds: number;
}

interface Answer {
  isProblem: boolean;
  text: string;
}

const PATIENCE_MS = 30_000;
const SLICE_MS = 20;

export class Storm {
  private readonly inbox = createInbox();
  private readonly waiting = new Map<string, (answer: Answer) => void>();
  private readonly inFlight = new Set<Promise<void>>();
  private readonly outcome: StormOutcome = {
    sent: 0,
    problems: 0,
    accepted: [],
    heartbeats: 0,
    toBeParked: new Map(),
    byKind: new Map(),
    byCode: new Map(),
    failures: [],
    seconds: 0,
  };

  constructor(private readonly options: StormOptions) {}

  async run(): Promise<StormOutcome> {
    const { connection, target, messages, seed, perSecond } = this.options;
    const random = seeded(seed);
    const subscription = connection.subscribe(`${this.inbox}.*`, { callback: (_error, message) => this.take(message) });
    const startedAt = performance.now();
    while (this.outcome.sent < messages) {
      const due = Math.min(messages, ((performance.now() - startedAt) / 1_000) * perSecond);
      while (this.outcome.sent < due) this.send(hostileMessage(random, target));
      await delay(SLICE_MS);
    }
    await Promise.all(this.inFlight);
    subscription.unsubscribe();
    return { ...this.outcome, seconds: (performance.now() - startedAt) / 1_000 };
  }

  private send(message: HostileMessage): void {
    const { outcome } = this;
    outcome.sent++;
    count(outcome.byKind, message.kind);
    const sending = this.deliver(message).catch((error: unknown) => {
      if (outcome.failures.length < 50) outcome.failures.push(`${message.kind} on ${message.subject.slice(0, 120)}: ${String(error)}`);
    });
    this.inFlight.add(sending);
    void sending.then(() => this.inFlight.delete(sending));
  }

  private async deliver(message: HostileMessage): Promise<void> {
    const { connection } = this.options;
    const { via, subject, body, replyTo } = message;
    if (via === 'heartbeat') {
      this.outcome.heartbeats++;
      connection.publish(subject, body);
      return;
    }
    if (via === 'register') {
      const answer = await connection.request(subject, body, { timeout: PATIENCE_MS });
      this.account(message, answerOf(answer));
      return;
    }
    const headers = newHeaders();
    for (const [name, value] of Object.entries(message.headers ?? {})) headers.set(name, value);
    if (replyTo === null) await this.publish(subject, body, headers);
    else if (replyTo !== undefined) {
      headers.set('Mandate-Reply-To', replyTo);
      await this.publish(subject, body, headers);
    } else {
      const to = `${this.inbox}.${this.outcome.sent}`;
      headers.set('Mandate-Reply-To', to);
      const answer = this.expect(to);
      await this.publish(subject, body, headers);
      this.account(message, await answer);
      return;
    }
    count(this.outcome.toBeParked, subject);
  }

  /** The headers count towards the server's limit, so a body at the limit gives way to them. */
  private async publish(subject: string, body: string | Uint8Array, headers: ReturnType<typeof newHeaders>): Promise<void> {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const room = this.options.target.maxPayload - headerBytes(headers);
    await jetstream(this.options.connection).publish(subject, bytes.subarray(0, room), { headers, timeout: PATIENCE_MS });
  }

  private expect(replyTo: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS);
      this.waiting.set(replyTo, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  private take(message: Msg): void {
    const resolve = this.waiting.get(message.subject);
    this.waiting.delete(message.subject);
    resolve?.(answerOf(message));
  }

  private account({ fate, subject }: HostileMessage, { isProblem, text }: Answer): void {
    const { outcome } = this;
    const document = JSON.parse(text) as { code?: string; detail?: string; id?: string };
    if (!isProblem) {
      if (fate === 'refused') throw new Error(`was not refused, but answered ${text.slice(0, 200)}`);
      if (document.id) outcome.accepted.push(document.id);
      return;
    }
    if (!document.code || !document.detail) throw new Error(`the problem on ${subject} has no code or detail: ${text.slice(0, 200)}`);
    if (document.code === 'INTERNAL') throw new Error('the engine did not expect it: INTERNAL');
    outcome.problems++;
    count(outcome.byCode, document.code);
  }
}

const answerOf = (message: Msg): Answer => ({
  isProblem: message.headers?.get('Content-Type') === 'application/problem+json',
  text: message.string(),
});

const headerBytes = (headers: ReturnType<typeof newHeaders>): number =>
  12 +
  [...headers].reduce((sum, [name, values]) => sum + values.reduce((own, value) => own + Buffer.byteLength(`${name}: ${value}\r\n`), 0), 0);

const count = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
