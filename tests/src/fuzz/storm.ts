/** Sends hostile messages and keeps account of what became of each. */
import { seeded, type Seeded } from '@mandate/testing';
import { jetstream } from '@nats-io/jetstream';
import { createInbox, headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { hostileMessage } from './hostile.js';
import type { HostileMessage, Target } from './hostile-message.js';

export interface StormOptions {
  connection: NatsConnection;
  target: Target;
  seed: number;
  /** So many at once: the next is sent when one was answered, so a slow machine slows the storm and not the figures. */
  senders: number;
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
const MOST_FAILURES = 50;

export class Storm {
  private readonly random: Seeded;
  private readonly inbox = createInbox();
  private readonly waiting = new Map<string, (answer: Answer) => void>();
  readonly outcome: StormOutcome = {
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

  constructor(private readonly options: StormOptions) {
    this.random = seeded(options.seed);
  }

  /** Sends the next so many messages; resolves when each was answered or stored. Outcomes add up. */
  async rage(messages: number): Promise<void> {
    const { connection, target, senders } = this.options;
    const subscription = connection.subscribe(`${this.inbox}.*`, { callback: (_error, message) => this.take(message) });
    const startedAt = performance.now();
    const upTo = this.outcome.sent + messages;
    const sender = async (): Promise<void> => {
      while (this.outcome.sent < upTo) await this.send(hostileMessage(this.random, target));
    };
    await Promise.all(Array.from({ length: senders }, sender));
    subscription.unsubscribe();
    this.outcome.seconds += (performance.now() - startedAt) / 1_000;
  }

  private async send(message: HostileMessage): Promise<void> {
    const { outcome } = this;
    const n = ++outcome.sent;
    count(outcome.byKind, message.kind);
    try {
      await this.deliver(message, n);
    } catch (error) {
      if (outcome.failures.length < MOST_FAILURES)
        outcome.failures.push(`${message.kind} on ${message.subject.slice(0, 120)}: ${String(error)}`);
    }
  }

  private async deliver(message: HostileMessage, n: number): Promise<void> {
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
      const to = `${this.inbox}.${n}`;
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
