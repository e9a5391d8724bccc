/** A worker: registers, takes offers, keeps its leases alive, reports, and stops in order. */
import type { ControlMessage, Registration } from '@mandate/contracts';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { pause } from '../backoff.js';
import { watchConnection } from '../connection-watch.js';
import { AttemptCanceledError, LeaseLostError, MandateError, WorkerStoppedError } from '../errors.js';
import { shortToken } from '../ids.js';
import { createRequester, type Requester } from '../requester/requester.js';
import { decodeJson, encodeJson, isObject } from '../wire.js';
import { Attempt, type AttemptHost } from './attempt.js';
import type { Capabilities, CapabilitiesOf, Capability, CapabilityTypes } from './capability.js';
import { listAsMicro } from './micro.js';
import { leaseNamed, readOffer, type ReceivedOffer } from './offer.js';
import { register, type Post } from './registration.js';

export interface WorkerOptions<Handlers> {
  /** Owned by the caller: the worker never closes it. Connect with `maxReconnectAttempts: -1`, so that results survive an outage of NATS. */
  connection: NatsConnection;
  /** Default `default`. */
  tenant?: string;
  name: string;
  version: string;
  /** Tells two processes of one name apart. Default: the name and a random suffix. */
  instance?: string;
  /** For whom children are delegated; default the worker's name. */
  principal?: string;
  /** Where results of children are read, with the key that may. */
  apiUrl?: string;
  token?: string;
  /** How long running attempts may go on after `stop()`; default 30 seconds. */
  graceMs?: number;
  capabilities: Handlers;
}

export interface Worker {
  readonly instance: string;
  /** Leases that are held now. */
  readonly running: number;
  /** Resolves once registered and listening; throws ProblemError when the engine refuses the registration. */
  start(): Promise<void>;
  /** Takes nothing new, lets running attempts end within the grace period, and leaves. Safe to call twice. */
  stop(): Promise<void>;
}

const DEFAULT_GRACE_MS = 30_000;
/** Ended leases that are remembered, because an engine that took over may offer one of them again. */
const REMEMBERED_LEASES = 10_000;

export function createWorker<Types extends CapabilityTypes>(options: WorkerOptions<CapabilitiesOf<Types>>): Worker;
export function createWorker(options: WorkerOptions<Capabilities>): Worker;
export function createWorker(options: WorkerOptions<Capabilities>): Worker {
  return new NatsWorker(options);
}

class NatsWorker implements Worker {
  readonly instance: string;
  private readonly registration: Registration;
  private readonly capabilities: Map<string, Capability>;
  private readonly leases = new Map<string, Attempt>();
  private readonly endedLeases = new Set<string>();
  private readonly busy = new Map<string, number>();
  private readonly life = new AbortController();
  private readonly host: AttemptHost;
  private subscriptions: Subscription[] = [];
  private post: Post | undefined;
  private beat: NodeJS.Timeout | undefined;
  private unwatch: () => void = () => undefined;
  private requester: Requester | undefined;
  private accepted = 0;
  private registering = false;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: WorkerOptions<Capabilities>) {
    this.capabilities = new Map(Object.entries(options.capabilities));
    this.instance = options.instance ?? `${options.name.slice(0, 50)}-${shortToken()}`;
    this.registration = registrationOf(options, this.instance);
    this.host = {
      connection: options.connection,
      heartbeat: () => this.sendHeartbeat(),
      delegate: (request, delegateOptions) => this.children().delegate(request, delegateOptions),
    };
  }

  get running(): number {
    return this.leases.size;
  }

  async start(): Promise<void> {
    this.unwatch = watchConnection(this.options.connection, { back: () => void this.registerAgain() });
    try {
      this.take(await this.register());
    } catch (error) {
      this.unwatch();
      throw error;
    }
  }

  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  private register(): Promise<Post> {
    return register(this.options.connection, this.options.tenant ?? 'default', this.registration, this.life.signal);
  }

  /** After an outage: the engine may be another one by now. The heartbeat keeps going on the subjects known, whatever becomes of this. */
  private async registerAgain(): Promise<void> {
    if (!this.post || this.registering) return;
    this.registering = true;
    this.sendHeartbeat();
    try {
      this.take(await this.register());
    } catch {
      // Stopped, closed or refused: what is registered stands, and running work goes on.
    } finally {
      this.registering = false;
    }
  }

  private take(post: Post): void {
    if (this.life.signal.aborted) return;
    if (this.post?.workSubject !== post.workSubject || this.post.controlSubject !== post.controlSubject) this.listen(post);
    this.post = post;
    clearInterval(this.beat);
    this.beat = setInterval(() => this.sendHeartbeat(), post.heartbeatMs);
    this.sendHeartbeat();
  }

  private listen(post: Post): void {
    const { connection } = this.options;
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.subscriptions = [
      connection.subscribe(post.workSubject, { callback: (error, message) => void (error ?? this.onOffer(message)) }),
      connection.subscribe(post.controlSubject, { callback: (error, message) => void (error ?? this.onControl(message)) }),
      ...listAsMicro(connection, {
        registration: this.registration,
        workSubject: post.workSubject,
        startedAt: new Date().toISOString(),
        accepted: () => this.accepted,
      }),
    ];
  }

  private sendHeartbeat(): void {
    const { connection } = this.options;
    if (!this.post || connection.isClosed() || connection.isDraining()) return;
    connection.publish(this.post.heartbeatSubject, encodeJson({ instance: this.instance, leases: [...this.leases.keys()] }));
  }

  private onOffer(message: Msg): void {
    const offer = readOffer(message, Date.now());
    const refusal = offer ? this.refusalOf(offer) : 'not a valid offer';
    const leaseId = offer?.leaseId ?? leaseNamed(message);
    message.respond(encodeJson({ leaseId, accepted: refusal === null, ...(refusal === null ? {} : { reason: refusal }) }));
    if (offer && refusal === null && !this.knows(offer.leaseId)) this.begin(offer);
  }

  private knows(leaseId: string): boolean {
    return this.leases.has(leaseId) || this.endedLeases.has(leaseId);
  }

  private refusalOf(offer: ReceivedOffer): string | null {
    if (this.knows(offer.leaseId)) return null;
    if (this.stopping) return 'draining';
    const capability = this.capabilities.get(offer.capability);
    if (!capability) return `no capability ${offer.capability}`;
    if ((this.busy.get(offer.capability) ?? 0) >= (capability.concurrency ?? 1)) return 'busy';
    return offer.remainingMs <= 0 ? 'deadline over' : null;
  }

  private begin(offer: ReceivedOffer): void {
    const name = offer.capability;
    this.accepted++;
    this.busy.set(name, (this.busy.get(name) ?? 0) + 1);
    const attempt = new Attempt(offer, this.capabilities.get(name) as Capability, this.host);
    this.leases.set(offer.leaseId, attempt);
    void attempt.handled.then(() => this.busy.set(name, (this.busy.get(name) ?? 1) - 1));
    const forget = (): void => {
      this.leases.delete(offer.leaseId);
      this.endedLeases.add(offer.leaseId);
      if (this.endedLeases.size > REMEMBERED_LEASES) this.endedLeases.delete(this.endedLeases.values().next().value as string);
    };
    // A connection closed for good leaves nothing to be done here: the lease runs out and the engine retries.
    attempt.ended.then(forget, forget);
  }

  private onControl(message: Msg): void {
    const control = decodeJson(message.data) as Partial<ControlMessage> | undefined;
    const attempt = isObject(control) ? this.leases.get(control.leaseId ?? '') : undefined;
    if (!attempt) return;
    const reason = control?.reason ?? 'the engine gave no reason';
    if (control?.type === 'start') attempt.begin();
    if (control?.type === 'cancel') attempt.abort(new AttemptCanceledError('CANCELED', reason));
    if (control?.type === 'lease-lost') attempt.abort(new LeaseLostError('LEASE_LOST', reason));
  }

  private async drain(): Promise<void> {
    const running = (): Promise<unknown> => Promise.allSettled([...this.leases.values()].map(({ ended }) => ended));
    await within(this.options.graceMs ?? DEFAULT_GRACE_MS, running());
    for (const attempt of this.leases.values())
      attempt.abort(new WorkerStoppedError('WORKER_STOPPED', 'the worker stopped before the attempt was done'));
    await within(LAST_REPORTS_MS, running());
    this.leave();
    // Until the server has heard of it, an offer would wait in vain instead of finding nobody.
    await within(LEAVING_MS, this.options.connection.flush());
  }

  private leave(): void {
    this.life.abort(new MandateError('STOPPED', 'the worker was stopped'));
    this.unwatch();
    clearInterval(this.beat);
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    for (const attempt of this.leases.values()) attempt.abort(new LeaseLostError('LEASE_LOST', 'the worker left'));
    this.requester?.close();
  }

  private children(): Requester {
    const { connection, tenant, principal, name, apiUrl, token } = this.options;
    this.requester ??= createRequester({
      connection,
      principal: principal ?? name,
      ...(tenant ? { tenant } : {}),
      ...(apiUrl ? { apiUrl } : {}),
      ...(token ? { token } : {}),
    });
    return this.requester;
  }
}

/** Time for telling the engine about attempts that the grace period cut short. */
const LAST_REPORTS_MS = 2_000;
const LEAVING_MS = 1_000;

/** Resolves when the promise settles, however it does, or the time is over. */
const within = async (ms: number, promise: Promise<unknown>): Promise<void> => {
  const waiting = new AbortController();
  const waited = pause(ms, waiting.signal).catch(() => undefined);
  await Promise.race([promise.catch(() => undefined), waited]);
  waiting.abort();
};

const registrationOf = (options: WorkerOptions<Capabilities>, instance: string): Registration => ({
  name: options.name,
  version: options.version,
  instance,
  capabilities: Object.entries(options.capabilities).map(([name, { description, tags, concurrency, effects }]) => ({
    name,
    description,
    ...(tags ? { tags } : {}),
    ...(concurrency ? { concurrency } : {}),
    ...(effects ? { effects } : {}),
  })),
});
