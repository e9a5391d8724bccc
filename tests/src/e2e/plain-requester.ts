/** A requester as the contract sees it: a plain NATS client that knows subjects and JSON, and nothing of this project. */
import { randomBytes } from 'node:crypto';
import { ulid } from '@mandate/kernel';
import { until } from '@mandate/testing';
import { jetstream, type PubAck } from '@nats-io/jetstream';
import { connect, createInbox, headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';

export const newId = (): string => ulid(Date.now(), randomBytes(10));

export type Document = Record<string, unknown>;

export interface Answer {
  body: Document;
  contentType: string;
}

export interface BusEvent {
  /** Without prefix and version: `stepsucceeded`. */
  type: string;
  subject: string;
  headers: Record<string, string>;
  data: Document;
  text: string;
}

export interface Asked {
  id: string;
  ack: PubAck;
  /** Everything that came on the reply subject so far. */
  answers: Answer[];
  /** The first answer. */
  answer(): Promise<Answer>;
}

export interface Asking {
  id?: string;
  principal?: string;
  tenant?: string;
  headers?: Record<string, string>;
}

export class PlainRequester {
  private readonly events = new Map<string, BusEvent[]>();
  private readonly seen = new Set<string>();

  private constructor(readonly connection: NatsConnection) {
    connection.subscribe('mandate.v1.*.event.>', { callback: (_error, message) => this.onEvent(message) });
  }

  static async connect(url: string): Promise<PlainRequester> {
    const requester = new PlainRequester(await connect({ servers: url }));
    await requester.connection.flush();
    return requester;
  }

  /** Publishes a request as section 3.1 says, with a reply subject. */
  ask(request: unknown, { id = newId(), principal = 'tester', tenant = 'default', headers = {} }: Asking = {}): Promise<Asked> {
    return this.publish(`mandate.v1.${tenant}.request.${id}.${principal}`, request, headers);
  }

  command(id: string, command: Document, principal = 'tester'): Promise<Asked> {
    return this.publish(`mandate.v1.default.command.${id}.${principal}`, { commandId: newId(), ...command });
  }

  /** A string goes out as it is, anything else as JSON. */
  async publish(subject: string, body: unknown, given: Record<string, string> = {}): Promise<Asked> {
    const replyTo = createInbox();
    const answers: Answer[] = [];
    this.connection.subscribe(replyTo, { callback: (_error, message) => void answers.push(answerOf(message)) });
    const headers = newHeaders();
    headers.set('Mandate-Reply-To', replyTo);
    for (const [name, value] of Object.entries(given)) headers.set(name, value);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const ack = await jetstream(this.connection).publish(subject, text, { headers });
    const answer = (): Promise<Answer> => until(() => answers[0], { what: `an answer on ${subject}` });
    return { id: subject.split('.')[4] ?? '', ack, answers, answer };
  }

  /** What the bus said of a delegation so far, each event once. */
  eventsOf(id: string): BusEvent[] {
    return this.events.get(id) ?? [];
  }

  typesOf(id: string): string[] {
    return this.eventsOf(id).map(({ type }) => type);
  }

  /** Resolves to the first event of this type; `matches` may want more of it. */
  event(id: string, type: string, matches: (event: BusEvent) => boolean = () => true): Promise<BusEvent> {
    return until(() => this.eventsOf(id).find((event) => event.type === type && matches(event)), {
      what: `${type} of ${id} (there are: ${this.typesOf(id).join(', ')})`,
      timeoutMs: 15_000,
    });
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private onEvent(message: Msg): void {
    const headers = headersOf(message);
    const eventId = headers['ce-id'] ?? '';
    if (this.seen.has(eventId)) return;
    this.seen.add(eventId);
    const aggregate = message.subject.split('.')[5] ?? '';
    const type = headers['ce-type']?.split('.')[3] ?? '';
    const event = { type, subject: message.subject, headers, data: message.json<Document>(), text: message.string() };
    this.events.set(aggregate, [...this.eventsOf(aggregate), event]);
  }
}

export const headersOf = (message: Msg): Record<string, string> =>
  Object.fromEntries([...(message.headers ?? [])].map(([name, values]) => [name, values.join(', ')]));

const answerOf = (message: Msg): Answer => ({ body: message.json<Document>(), contentType: message.headers?.get('Content-Type') ?? '' });
