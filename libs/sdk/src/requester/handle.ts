/** A delegation in the requester's hand: awaitable, iterable, steerable. */
import type { Acknowledgement, DelegationRequest, DelegationView, Pattern, TaskState } from '@mandate/contracts';
import type { JsonValue } from '@mandate/kernel';
import { CanceledError, DelegationFailedError, MandateError, RejectedError } from '../errors.js';
import type { ApiReader } from './api-reader.js';
import { EventFeed, type FeedSource } from './event-feed.js';
import { isFinalEvent, stateAfter, type DelegationEvent, type FinalEvent } from './events.js';

/** What is asked; the id is made when none is given. */
export type Ask = DelegationRequest;

export interface Steering {
  stepId?: string;
  /** Of what is approved or denied, as `view().approvals` shows it. */
  digest?: string;
  reason?: string;
}

export interface GivenAnswer {
  questionId: string;
  answer: JsonValue;
  stepId?: string;
}

export interface DelegationHandle<Result = JsonValue> extends PromiseLike<Result>, AsyncIterable<DelegationEvent> {
  /** The delegation's id; becomes the existing one's when the same idempotencyKey had been used before. */
  readonly id: string;
  /** The engine's answer to the request. Rejects with ProblemError when it was refused. */
  readonly acknowledged: Promise<Acknowledgement>;
  /** Position of the newest event seen: where `resume` can go on. */
  readonly cursor: number;
  /**
   * The result: its value when the requester has an `apiUrl`, else the data of the `completed` event, with references.
   * Throws DelegationFailedError, CanceledError, RejectedError (the code is the engine's) or ProblemError.
   */
  result(): Promise<Result>;
  /** From the API when there is one, else as far as the events tell. */
  state(): Promise<TaskState>;
  /** The whole delegation; needs `apiUrl`. */
  view(): Promise<DelegationView>;
  cancel(reason?: string): Promise<Acknowledgement>;
  answer(given: GivenAnswer): Promise<Acknowledgement>;
  approve(what?: Steering): Promise<Acknowledgement>;
  deny(what?: Steering): Promise<Acknowledgement>;
  /** Says which pattern the request really asked for, also after the end: the recogniser learns from it. */
  feedback(pattern: Pattern, reason?: string): Promise<Acknowledgement>;
}

export interface SteeringCommand extends Steering {
  type: 'cancel' | 'approve' | 'deny' | 'answer' | 'feedback';
  pattern?: Pattern;
  questionId?: string;
  answer?: JsonValue;
}

export interface HandleHost {
  source: FeedSource;
  api: ApiReader | null;
  /** Aborts when the requester closes. */
  signal: AbortSignal;
  command(id: string, command: SteeringCommand): Promise<Acknowledgement>;
  opened(handle: OpenDelegation): void;
  closed(handle: OpenDelegation): void;
}

/** A handle as its requester keeps it while events may come. */
export interface OpenDelegation {
  readonly feed: EventFeed;
  end(error: unknown): void;
}

export interface HandleStart {
  id: string;
  after: number;
  /** Null for a delegation that exists already. */
  request: (() => Promise<Acknowledgement>) | null;
}

export class TrackedDelegation<Result> implements DelegationHandle<Result>, OpenDelegation {
  id: string;
  readonly acknowledged: Promise<Acknowledgement>;
  cursor: number;
  feed: EventFeed;
  private readonly events: DelegationEvent[] = [];
  private readonly settled: Promise<Result>;
  private readonly final: Promise<FinalEvent>;
  private tell: (event: FinalEvent) => void = () => undefined;
  private giveUp: (error: unknown) => void = () => undefined;
  private wake: (() => void)[] = [];
  private over: { error: unknown } | null = null;
  private known: TaskState = 'TASK_STATE_SUBMITTED';

  constructor(
    private readonly host: HandleHost,
    { id, after, request }: HandleStart,
  ) {
    this.id = id;
    this.cursor = after;
    this.final = new Promise((resolve, reject) => {
      this.tell = resolve;
      this.giveUp = reject;
    });
    this.feed = this.follow(id, after);
    host.opened(this);
    this.final.catch(() => undefined);
    this.acknowledged = request ? this.requested(request) : Promise.resolve({ id, state: this.known });
    if (!request) void this.feed.catchUp();
    this.settled = this.settle();
    // Who never awaits the result is told by the events; nobody is told twice.
    this.settled.catch((error: unknown) => this.end(error));
  }

  then<A = Result, B = never>(
    onResult?: ((value: Result) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.settled.then(onResult, onError);
  }

  result(): Promise<Result> {
    return this.settled;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<DelegationEvent> {
    for (let next = 0; ; next++) {
      while (next >= this.events.length) {
        if (this.over) throw this.over.error;
        await new Promise<void>((resolve) => this.wake.push(resolve));
      }
      const event = this.events[next] as DelegationEvent;
      yield event;
      if (isFinalEvent(event)) return;
    }
  }

  async state(): Promise<TaskState> {
    return this.host.api ? (await this.host.api.view(this.id, this.host.signal)).state : this.known;
  }

  async view(): Promise<DelegationView> {
    if (!this.host.api) throw new MandateError('NO_API', 'give createRequester an apiUrl to read whole delegations');
    return this.host.api.view(this.id, this.host.signal);
  }

  cancel(reason?: string): Promise<Acknowledgement> {
    return this.steer({ type: 'cancel', ...(reason === undefined ? {} : { reason }) });
  }

  answer(given: GivenAnswer): Promise<Acknowledgement> {
    return this.steer({ type: 'answer', ...given });
  }

  approve(what: Steering = {}): Promise<Acknowledgement> {
    return this.steer({ type: 'approve', ...what });
  }

  deny(what: Steering = {}): Promise<Acknowledgement> {
    return this.steer({ type: 'deny', ...what });
  }

  feedback(pattern: Pattern, reason?: string): Promise<Acknowledgement> {
    return this.steer({ type: 'feedback', pattern, ...(reason === undefined ? {} : { reason }) });
  }

  /** A command for a delegation that the engine has not stored yet would be refused. */
  private async steer(command: SteeringCommand): Promise<Acknowledgement> {
    await this.acknowledged;
    return this.host.command(this.id, command);
  }

  private follow(id: string, after: number): EventFeed {
    return new EventFeed(this.host.source, id, after, { event: (event) => this.onEvent(event), failed: (error) => this.end(error) });
  }

  private async requested(request: () => Promise<Acknowledgement>): Promise<Acknowledgement> {
    const acknowledgement = await request();
    if (acknowledgement.id !== this.id) this.followExisting(acknowledgement.id);
    // Anything but a fresh start has a past that no live event tells.
    else if (acknowledgement.state !== 'TASK_STATE_SUBMITTED') void this.feed.catchUp();
    this.known = acknowledgement.state;
    return acknowledgement;
  }

  private followExisting(id: string): void {
    this.feed.close();
    this.id = id;
    this.cursor = 0;
    this.events.length = 0;
    this.feed = this.follow(id, 0);
    void this.feed.catchUp();
  }

  private onEvent(event: DelegationEvent): void {
    // The second id of an idempotency key ends in this; its answer names the delegation that counts.
    if (event.type === 'rejected' && event.data.existingId !== undefined && event.data.existingId !== this.id) return;
    this.events.push(event);
    this.cursor = event.position;
    this.known = stateAfter(this.known, event);
    if (isFinalEvent(event)) {
      this.host.closed(this);
      this.tell(event);
    }
    this.awaken();
  }

  private async settle(): Promise<Result> {
    await this.acknowledged;
    const { api, signal } = this.host;
    const last = await this.final;
    if (!api) {
      if (last.type === 'completed') return last.data as Result;
      throw endedError(last, undefined);
    }
    const view = await api.finalView(this.id, signal);
    if (last.type === 'completed') return (await api.result(view, signal)) as Result;
    throw endedError(last, view.error?.message);
  }

  /** No event comes any more; has no effect on what is settled. */
  end(error: unknown): void {
    this.over ??= { error };
    this.giveUp(error);
    this.feed.close();
    this.host.closed(this);
    this.awaken();
  }

  private awaken(): void {
    const waiting = this.wake;
    this.wake = [];
    for (const resolve of waiting) resolve();
  }
}

const endedError = (last: FinalEvent, message: string | undefined): MandateError => {
  const { delegationId: id } = last;
  switch (last.type) {
    case 'canceled':
      return new CanceledError(id, 'CANCELED', message ?? `delegation ${id} was canceled`);
    case 'rejected':
      return new RejectedError(id, last.data.code, message ?? `delegation ${id} was rejected: ${last.data.code}`);
    default: {
      const code = last.type === 'failed' ? last.data.code : 'FAILED';
      return new DelegationFailedError(id, code, message ?? `delegation ${id} failed: ${code}`);
    }
  }
};
