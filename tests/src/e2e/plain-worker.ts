/** A worker as section 3.2 of the contract describes it: register, subscribe, beat, answer offers, publish results. */
import { randomBytes } from 'node:crypto';
import { until } from '@mandate/testing';
import { jetstream, type PubAck } from '@nats-io/jetstream';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { headersOf, type Document } from './plain-requester.js';

export interface Offer {
  delegationId: string;
  stepId: string;
  attempt: number;
  leaseId: string;
  capability: string;
  goal: string;
  input: unknown;
  results: Record<string, unknown>;
  answers?: Record<string, unknown>;
  deadline: string;
  resultSubject: string;
}

export interface Control {
  type: 'start' | 'cancel' | 'lease-lost';
  leaseId: string;
  reason?: string;
}

export interface Registered {
  instance: string;
  workSubject: string;
  controlSubject: string;
  heartbeatSubject: string;
  heartbeat: string;
}

export interface Capability {
  name: string;
  description?: string;
  concurrency?: number;
  effects?: string;
  tags?: string[];
}

/** What a worker does with an offer: a result, or nothing and the test reports later. */
export type Work = (offer: Offer) => Document | undefined;

export interface WorkerOptions {
  capabilities: (string | Capability)[];
  instance?: string;
  /** Default: completes with the goal in capitals. */
  work?: Work;
  /** Default: accepts. `silence` answers nothing at all. */
  answer?: (offer: Offer) => { accepted: boolean; reason?: string } | 'silence';
}

export const completed = (output: unknown): Document => ({ status: 'completed', output });

const BEAT_MS = 5_000;

export class PlainWorker {
  readonly offers: Offer[] = [];
  readonly offerHeaders: Record<string, string>[] = [];
  readonly controls: Control[] = [];
  private readonly leases = new Set<string>();
  private readonly sent = new Map<string, number>();
  private readonly subscriptions: Subscription[] = [];
  private beating: NodeJS.Timeout | undefined;

  private constructor(
    private readonly connection: NatsConnection,
    private readonly options: WorkerOptions,
    readonly registered: Registered,
  ) {}

  static async start(connection: NatsConnection, options: WorkerOptions): Promise<PlainWorker> {
    const worker = new PlainWorker(connection, options, await PlainWorker.register(connection, options));
    const { workSubject, controlSubject } = worker.registered;
    worker.subscriptions.push(
      connection.subscribe(workSubject, { callback: (_error, message) => worker.onOffer(message) }),
      connection.subscribe(controlSubject, { callback: (_error, message) => void worker.controls.push(message.json<Control>()) }),
    );
    worker.beat();
    worker.beating = setInterval(() => worker.beat(), BEAT_MS);
    await connection.flush();
    return worker;
  }

  static async register(connection: NatsConnection, { capabilities, instance }: WorkerOptions): Promise<Registered> {
    const registration = {
      name: 'plain',
      version: '1.0.0',
      instance: instance ?? `plain-${randomBytes(4).toString('hex')}`,
      capabilities: capabilities.map((given) => {
        const capability = typeof given === 'string' ? { name: given } : given;
        return { description: `does ${capability.name}`, ...capability };
      }),
    };
    const answer = await connection.request('mandate.v1.default.register', JSON.stringify(registration), { timeout: 5_000 });
    return answer.json<Registered>();
  }

  get instance(): string {
    return this.registered.instance;
  }

  /** Names the leases that it has; `claimed` ones it does not have. */
  beat(...claimed: string[]): void {
    const leases = [...this.leases, ...claimed];
    this.connection.publish(this.registered.heartbeatSubject, JSON.stringify({ instance: this.instance, leases }));
  }

  /** Resolves when the result is stored, which ends the worker's duty. */
  async report({ leaseId, resultSubject }: Offer, result: Document): Promise<PubAck> {
    const n = (this.sent.get(leaseId) ?? 0) + 1;
    this.sent.set(leaseId, n);
    const ack = await jetstream(this.connection).publish(resultSubject, JSON.stringify({ leaseId, ...result }), {
      msgID: `${leaseId}:${n}`,
    });
    if (result['status'] !== 'progress') this.leases.delete(leaseId);
    return ack;
  }

  offer(matches: (offer: Offer) => boolean = () => true): Promise<Offer> {
    return until(() => this.offers.find(matches), { what: `an offer to ${this.instance}`, timeoutMs: 15_000 });
  }

  control(type: Control['type'], leaseId: string): Promise<Control> {
    const isIt = (control: Control): boolean => control.type === type && control.leaseId === leaseId;
    return until(() => this.controls.find(isIt), { what: `${type} for a lease of ${this.instance}`, timeoutMs: 15_000 });
  }

  /** Beats no more; what it had is lost after three missed beats. */
  fallSilent(): void {
    clearInterval(this.beating);
  }

  stop(): void {
    this.fallSilent();
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }

  private onOffer(message: Msg): void {
    const offer = message.json<Offer>();
    const known = this.leases.has(offer.leaseId);
    this.offers.push(offer);
    this.offerHeaders.push(headersOf(message));
    const reply = this.options.answer?.(offer) ?? { accepted: true };
    if (reply === 'silence') return;
    message.respond(JSON.stringify({ leaseId: offer.leaseId, ...reply }));
    if (known || !reply.accepted) return;
    this.leases.add(offer.leaseId);
    const { work = ({ goal }) => completed(goal.toUpperCase()) } = this.options;
    const result = work(offer);
    if (result) void this.report(offer, result);
  }
}
