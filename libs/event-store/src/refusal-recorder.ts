/** Puts refusals on record before they are answered, at a rate that a flood does not raise. */
import { AppError, timestamp, type Clock } from '@mandate/kernel';
import type { EventStore } from './event-store.js';
import { MANY, RefusalTally, type CountedRefusal, type Refusal } from './refusal-tally.js';
import type { NewEvent } from './types.js';

export const REFUSED = 'dev.mandate.audit.refused.v1';

export interface RefusalRecorderOptions {
  store: EventStore;
  /** Names the stream: one a process, so that processes do not wait for each other. */
  instance: string;
  clock: Clock;
  /** Told of each refusal that may be answered now: an independent count. */
  answered?: () => void;
  onError?: (error: unknown) => void;
}

/** Events a turn: most, and in a flood. */
const LINES = 16;
const FLOOD_LINES = 2;
/** Events that may be written at once, and how fast they come back; then a turn waits: 100 events a second is the most that a flood can write. */
const BURST = 200;
const REFILL_PER_MS = 0.008;
const FLOOD_TURN_MS = 20;
/** A refused caller waits no longer for the record. */
const WAIT_MS = 2_000;
const RETRY_MS = 500;

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/**
 * One turn at a time: what is refused while one is written waits for the next, and equal refusals become one event with their number. In a flood
 * a turn comes fifty times a second and tells less apart.
 */
export class RefusalRecorder {
  private readonly tally = new RefusalTally();
  private waiters = new Set<Waiter>();
  private tokens = BURST;
  private refilledAt = performance.now();
  private turn: Promise<void> | null = null;
  private wake: () => void = () => undefined;
  private stopped = false;

  constructor(private readonly options: RefusalRecorderOptions) {}

  /**
   * Resolves once the refusal is on record. Rejects with AppError `NOT_RECORDED` when that takes longer than two seconds: it stays counted and is written
   * when the store is back.
   */
  readonly record = (refusal: Refusal): Promise<void> => {
    this.tally.add(refusal, this.options.clock.now());
    const recorded = new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        timer: setTimeout(() => {
          this.waiters.delete(waiter);
          reject(new AppError('NOT_RECORDED', 'unavailable', 'the audit trail does not answer, so nothing is answered here: try again'));
        }, WAIT_MS),
      };
      this.waiters.add(waiter);
    });
    this.turn ??= this.turns().finally(() => (this.turn = null));
    return recorded.then(this.options.answered);
  };

  /** Writes what is counted, if the store answers. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.turn;
    for (const { timer, reject } of this.waiters) {
      clearTimeout(timer);
      reject(new AppError('STOPPED', 'unavailable', 'this process stops'));
    }
  }

  private async turns(): Promise<void> {
    while (!this.tally.isEmpty) {
      const lines = this.linesNow();
      if (lines === FLOOD_LINES) await this.pause(FLOOD_TURN_MS);
      const waiters = this.waiters;
      this.waiters = new Set();
      const taken = this.tally.take(lines);
      this.tokens = Math.max(0, this.tokens - taken.length);
      const lost = await this.write(taken);
      if (lost.length === 0) {
        for (const { timer, resolve } of waiters) {
          clearTimeout(timer);
          resolve();
        }
        continue;
      }
      this.tally.restore(lost);
      for (const waiter of waiters) this.waiters.add(waiter);
      if (this.stopped) return;
      await this.pause(RETRY_MS);
    }
  }

  /** Resolves to what could not be written. */
  private async write(refusals: readonly CountedRefusal[]): Promise<CountedRefusal[]> {
    const tenants = new Set(refusals.map(({ tenant }) => tenant));
    const lost = await Promise.all(
      [...tenants].map((tenant) =>
        this.append(
          tenant,
          refusals.filter((own) => own.tenant === tenant),
        ),
      ),
    );
    return lost.flat();
  }

  private async append(tenant: string, refusals: CountedRefusal[]): Promise<CountedRefusal[]> {
    const { store, instance, onError } = this.options;
    const [first] = refusals as [CountedRefusal];
    try {
      const result = await store.append({
        tenant,
        stream: { type: 'audit', id: `refusals-${instance}` },
        expected: 'any',
        events: refusals.map(refusedEvent),
        actor: { kind: first.kind, id: first.principal },
        correlationId: `refusals-${instance}`,
        ...(first.traceparent === undefined ? {} : { traceparent: first.traceparent }),
      });
      if (!result.ok) return refusals;
      return [];
    } catch (error) {
      onError?.(error);
      return refusals;
    }
  }

  /** How many events the next turn may write. */
  private linesNow(): number {
    const now = performance.now();
    this.tokens = Math.min(BURST, this.tokens + (now - this.refilledAt) * REFILL_PER_MS);
    this.refilledAt = now;
    return Math.max(FLOOD_LINES, Math.min(LINES, Math.floor(this.tokens)));
  }

  private async pause(ms: number): Promise<void> {
    if (ms <= 0 || this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const DENIALS: ReadonlySet<number> = new Set([401, 403]);

const refusedEvent = ({ principal, kind, via, operation, code, status, count, first, last }: CountedRefusal): NewEvent => ({
  type: REFUSED,
  occurredAt: timestamp(last),
  data: { via, operation, code, status, count, first: timestamp(first), last: timestamp(last) },
  actor: { kind: principal === MANY ? 'service' : kind, id: principal },
  outcome: DENIALS.has(status) ? 'denied' : 'failure',
  reason: code,
});
