/** Follows the log from a checkpoint, in batches, by one process at a time (a lease); what is done with the events is the subscriber's. */
import { AppError } from '@mandate/kernel';
import type { AppendSignal } from './append-signal.js';
import { checkpointOf } from './checkpoints.js';
import type { EventStore } from './event-store.js';
import type { RecordedEvent } from './types.js';

export interface SubscriptionOptions {
  store: EventStore;
  signal: AppendSignal;
  /** New for every start of a process. */
  owner: string;
  /** How many positions a batch spans; default 500. */
  batchSize?: number;
  leaseTtlMs?: number;
  pollMs?: number;
  /** Pause between two batches at the end of the log, so that many commits make one batch; default 20 ms. */
  lingerMs?: number;
  /** Tries before an event counts as poison; default 5. */
  maxAttempts?: number;
  /** Pause before the first retry, doubled for each; default 100 ms. */
  retryMs?: number;
  /** What becomes of a poison event: `park` puts it among the dead letters and goes on, `halt` (default) stands still. */
  poison?: { policy: 'halt' } | { policy: 'park'; park: (event: RecordedEvent, error: unknown) => Promise<void> };
  onError?: (error: AppError) => void;
}

export interface Subscriber {
  /** Unique: names checkpoint and lease. */
  name: string;
  /** Only these types; default all. */
  types?: readonly string[];
  decrypt?: boolean;
  /** Does what is to be done for `events`, which lie in (from, to], and moves the checkpoint from `from` to `to`. */
  apply(events: readonly RecordedEvent[], from: number, to: number): Promise<void>;
}

export class Subscription {
  state: 'standby' | 'following' | 'halted' | 'stopped' = 'standby';
  /** Everything up to here is done. */
  position = 0;
  private leaseUntil = 0;
  private readonly running: Promise<void>;

  constructor(
    private readonly subscriber: Subscriber,
    private readonly options: SubscriptionOptions,
  ) {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    const held = this.state === 'following';
    this.state = 'stopped';
    this.options.signal.wakeAll();
    await this.running;
    if (held) await this.options.store.releaseLease(this.lease, this.options.owner).catch((error: unknown) => this.report(error));
  }

  private async pause(ms: number): Promise<void> {
    if (this.live && ms > 0) await this.options.signal.waitBeyond(Number.MAX_SAFE_INTEGER, ms);
  }

  private get live(): boolean {
    return this.state !== 'stopped' && this.state !== 'halted';
  }

  private get lease(): string {
    return `subscription:${this.subscriber.name}`;
  }

  private async run(): Promise<void> {
    const { signal, leaseTtlMs = 3_000, pollMs = 1_000, retryMs = 100, lingerMs = 20 } = this.options;
    while (this.live) {
      try {
        if (!(await this.holdLease(leaseTtlMs))) await signal.waitBeyond(Number.MAX_SAFE_INTEGER, leaseTtlMs / 3);
        else if (!(await this.step())) await signal.waitBeyond(this.position, Math.min(pollMs, leaseTtlMs / 3));
        else if (signal.head - this.position < (this.options.batchSize ?? 500)) await this.pause(lingerMs);
      } catch (error) {
        this.report(error);
        if (this.state === 'following') this.state = 'standby';
        if (this.live) await signal.waitBeyond(Number.MAX_SAFE_INTEGER, retryMs);
      }
    }
  }

  private async holdLease(ttlMs: number): Promise<boolean> {
    const now = performance.now();
    if (this.state === 'following' && now < this.leaseUntil - (ttlMs * 2) / 3) return true;
    const { store, owner } = this.options;
    const lease = await store.claimLease(this.lease, owner, ttlMs);
    if (!this.live) return false;
    if (!lease) {
      this.state = 'standby';
      return false;
    }
    this.leaseUntil = now + ttlMs;
    if (this.state === 'standby') {
      this.position = await checkpointOf(store.database, this.subscriber.name);
      if (this.live) this.state = 'following';
    }
    return this.live;
  }

  /** False at the end of the log. */
  private async step(): Promise<boolean> {
    const { store, batchSize = 500 } = this.options;
    const { types, decrypt = false } = this.subscriber;
    const to = Math.min(this.position + batchSize, (await store.head()).size);
    if (to <= this.position) return false;
    const events = await store.readAll({ from: this.position, limit: to - this.position, decrypt, ...(types ? { types } : {}) });
    const error = await this.attempt(events, this.position, to);
    if (error) await this.oneByOne(events, to);
    return true;
  }

  /** Applies with retries; resolves to the last error when all failed. */
  private async attempt(events: readonly RecordedEvent[], from: number, to: number): Promise<unknown> {
    const { signal, maxAttempts = 5, retryMs = 100 } = this.options;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.subscriber.apply(events, from, to);
        this.position = to;
        return null;
      } catch (error) {
        if (error instanceof AppError && (error.code === 'CHECKPOINT_MOVED' || error.code === 'STORE_UNAVAILABLE')) throw error;
        this.report(error);
        if (attempt >= maxAttempts) return error;
        await signal.waitBeyond(Number.MAX_SAFE_INTEGER, retryMs * 2 ** (attempt - 1));
        if (!this.live) throw error;
      }
    }
  }

  /** Finds the poison event of a batch that failed. */
  private async oneByOne(events: readonly RecordedEvent[], to: number): Promise<void> {
    for (const event of events) {
      const error = await this.attempt([event], this.position, event.position);
      if (error) await this.settlePoison(event, error);
      if (!this.live) return;
    }
    if (this.position < to) await this.subscriber.apply([], this.position, to);
    this.position = to;
  }

  private async settlePoison(event: RecordedEvent, error: unknown): Promise<void> {
    const { poison = { policy: 'halt' } } = this.options;
    if (poison.policy === 'halt') {
      this.state = 'halted';
      throw new AppError(
        'POISON_EVENT',
        'internal',
        `${this.subscriber.name} cannot take event ${event.id} at position ${event.position}: mend its handler and start again`,
        {},
        { cause: error },
      );
    }
    await poison.park(event, error);
    await this.subscriber.apply([], this.position, event.position);
    this.position = event.position;
  }

  private report(error: unknown): void {
    this.options.onError?.(
      error instanceof AppError
        ? error
        : new AppError('SUBSCRIPTION_FAILED', 'unavailable', `${this.subscriber.name}: ${String(error)}`, {}, { cause: error }),
    );
  }
}
