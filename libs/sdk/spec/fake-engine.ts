/** An engine that speaks the contract and decides nothing: the test says what it offers, answers and publishes. */
import {
  EVENTS_STREAM,
  IN_STREAM,
  REPLY_TO_HEADER,
  subjects,
  type Offer,
  type OfferReply,
  type Registration,
  type StepResult,
} from '@mandate/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import { headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { newId } from '../src/ids.js';

export interface Recorded<T> {
  subject: string;
  body: T;
  msgId: string;
}

type Answer = (request: Record<string, unknown>, subject: string) => { body: object; problem?: boolean } | null;

export class FakeEngine {
  readonly registrations: Registration[] = [];
  readonly heartbeats: { instance: string; leases: string[] }[] = [];
  readonly results: Recorded<StepResult>[] = [];
  readonly requests: Recorded<Record<string, unknown>>[] = [];
  readonly commands: Recorded<Record<string, unknown>>[] = [];
  heartbeat = 'PT0.05S';
  /** What requests and commands are answered with; null: nothing. */
  answer: Answer = (request, subject) => ({ body: { id: request['id'] ?? subject.split('.')[4], state: 'TASK_STATE_SUBMITTED' } });
  /** What registrations are answered with, when not accepted. */
  refusal: object | null = null;
  private position = 0;
  private listeners: (() => void)[] = [];

  constructor(private readonly connection: NatsConnection) {}

  async start(): Promise<void> {
    const { streams } = await jetstreamManager(this.connection);
    await streams.add({ name: IN_STREAM, subjects: ['mandate.v1.*.request.>', 'mandate.v1.*.result.>', 'mandate.v1.*.command.>'] });
    await streams.add({ name: EVENTS_STREAM, subjects: ['mandate.v1.*.event.*.*'], allow_direct: true });
    this.listen();
    await this.connection.flush();
  }

  listen(): void {
    this.on('mandate.v1.*.register', (message) => this.onRegister(message));
    this.on('mandate.v1.*.heartbeat.*', (message) => void this.heartbeats.push(message.json()));
    this.on('mandate.v1.*.result.>', (message) => void this.results.push(recorded<StepResult>(message)));
    this.on('mandate.v1.*.request.>', (message) => this.onAsk(message, this.requests));
    this.on('mandate.v1.*.command.>', (message) => this.onAsk(message, this.commands));
  }

  /** Resolves once `ready` says so; asked after each message. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready()) await new Promise<void>((resolve) => this.listeners.push(resolve));
  }

  async offer(instance: string, fields: Partial<Offer> = {}, raw?: string): Promise<OfferReply> {
    const offer = this.makeOffer(fields);
    const headers = newHeaders();
    headers.set('ce-time', new Date().toISOString());
    headers.set('traceparent', TRACEPARENT);
    const reply = await this.connection.request(subjects.work('default', instance), raw ?? JSON.stringify(offer), {
      timeout: 2000,
      headers,
    });
    return reply.json<OfferReply>();
  }

  makeOffer(fields: Partial<Offer>): Offer {
    const { delegationId = newId(), stepId = 'one', attempt = 1 } = fields;
    return {
      delegationId,
      stepId,
      attempt,
      leaseId: newId(),
      capability: 'echo',
      goal: 'say it again',
      input: null,
      results: {},
      deadline: new Date(Date.now() + 60_000).toISOString(),
      resultSubject: subjects.result('default', delegationId, stepId, attempt),
      ...fields,
    };
  }

  control(instance: string, type: 'start' | 'cancel' | 'lease-lost', leaseId: string): void {
    this.connection.publish(subjects.control('default', instance), JSON.stringify({ type, leaseId, reason: 'the test says so' }));
  }

  /** Publishes an event to the stream; `id` and `position` can be repeated to deliver one twice. */
  async event(
    delegationId: string,
    type: string,
    data: object = {},
    { id = newId(), position = ++this.position * 10 } = {},
  ): Promise<number> {
    const headers = newHeaders();
    for (const [name, value] of Object.entries({
      'ce-id': id,
      'ce-type': `dev.mandate.delegation.${type}.v1`,
      'ce-time': new Date().toISOString(),
      'ce-sequence': String(position),
    }))
      headers.set(name, value);
    await this.connection.request(subjects.event('default', 'delegation', delegationId), JSON.stringify(data), { headers, timeout: 2000 });
    return position;
  }

  resultsOf(leaseId: string): Recorded<StepResult>[] {
    return this.results.filter(({ body }) => body.leaseId === leaseId);
  }

  private on(subject: string, handle: (message: Msg) => void): void {
    this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        handle(message);
        const waiting = this.listeners;
        this.listeners = [];
        for (const wake of waiting) wake();
      },
    });
  }

  private onRegister(message: Msg): void {
    const registration = message.json<Registration>();
    this.registrations.push(registration);
    const { instance } = registration;
    const tenant = message.subject.split('.')[2] as string;
    if (this.refusal) return void respond(this.connection, message.reply, this.refusal, true);
    const { work, control, heartbeat } = subjects;
    const answer = {
      instance,
      workSubject: work(tenant, instance),
      controlSubject: control(tenant, instance),
      heartbeatSubject: heartbeat(tenant, instance),
    };
    respond(this.connection, message.reply, { ...answer, heartbeat: this.heartbeat }, false);
  }

  private onAsk(message: Msg, record: Recorded<Record<string, unknown>>[]): void {
    const asked = recorded<Record<string, unknown>>(message);
    record.push(asked);
    const answer = this.answer(asked.body, message.subject);
    if (answer) respond(this.connection, message.headers?.get(REPLY_TO_HEADER), answer.body, answer.problem ?? false);
  }
}

export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const recorded = <T>(message: Msg): Recorded<T> => ({
  subject: message.subject,
  body: message.json<T>(),
  msgId: message.headers?.get('Nats-Msg-Id') ?? '',
});

const respond = (connection: NatsConnection, to: string | undefined, body: object, problem: boolean): void => {
  if (!to) return;
  const headers = newHeaders();
  if (problem) headers.set('Content-Type', 'application/problem+json');
  connection.publish(to, JSON.stringify(body), { headers });
};
