/** Puts on record what comes in any number and changes nothing, at a rate that a flood does not raise. */
import { AppError, type Clock } from '@mandate/kernel';
import type { EventStore } from './event-store.js';
import { MANY, Tally, type Counted, type TallyRules } from './tally.js';
import type { Actor, NewEvent } from './types.js';

export interface RecorderOptions {
  store: EventStore;
  /** Names the stream: one a process, so that processes do not wait for each other. */
  instance: string;
  clock: Clock;
  onError?: (error: unknown) => void;
}

/** What every such record names. */
export interface Attributed extends Counted {
  tenant: string;
  principal: string;
  kind: Exclude<Actor['kind'], 'service'>;
  traceparent?: string;
}

export interface Pace {
  /** Entries that wait by themselves. */
  room: number;
  /** Events a turn: most, and in a flood. */
  lines: number;
  floodLines: number;
  /** Events that may be written at once, and how fast they come back; then a turn waits. */
  burst: number;
  refillPerMs: number;
}

export interface Recorded<E extends Attributed> {
  /** What is recorded, of the stream's name: `refusals`. */
  stream: string;
  rules: TallyRules<E>;
  pace: Pace;
  eventOf: (entry: E) => NewEvent;
}

const FLOOD_TURN_MS = 20;
/** A caller waits no longer for the record. */
const WAIT_MS = 2_000;
const RETRY_MS = 500;

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
  /** Was told that it takes too long. */
  isOver: boolean;
}

/**
 * One turn at a time: what comes while one is written waits for the next, and equal entries become one event with their number. In a flood
 * a turn comes fifty times a second and tells less apart.
 */
export class PacedRecorder<E extends Attributed> {
  private readonly tally: Tally<E>;
  private waiters = new Set<Waiter>();
  private tokens: number;
  private refilledAt = performance.now();
  private turn: Promise<void> | null = null;
  private wake: () => void = () => undefined;
  private stopped = false;

  constructor(
    private readonly options: RecorderOptions,
    private readonly recorded: Recorded<E>,
  ) {
    this.tally = new Tally(recorded.rules, recorded.pace.room);
    this.tokens = recorded.pace.burst;
  }

  /**
   * Resolves once the entry is on record. Rejects with AppError `NOT_RECORDED` when that takes longer than two seconds: it stays counted and is written
   * when the store is back.
   */
  record(entry: E): Promise<void> {
    const recorded = new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        isOver: false,
        timer: setTimeout(() => {
          waiter.isOver = true;
          this.waiters.delete(waiter);
          reject(new AppError('NOT_RECORDED', 'unavailable', 'the audit trail does not answer, so nothing is answered here: try again'));
        }, WAIT_MS),
      };
      this.waiters.add(waiter);
    });
    this.count(entry);
    return recorded;
  }

  /** Has it written soon; nobody waits for it. */
  count(entry: E): void {
    this.tally.add(entry);
    this.turn ??= this.turns();
  }

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
    try {
      while (!this.tally.isEmpty && (await this.takeTurn()));
    } finally {
      // With the last look at the tally: what comes later begins a turn of its own.
      this.turn = null;
    }
  }

  /** False: there is no time to try again. */
  private async takeTurn(): Promise<boolean> {
    const lines = this.linesNow();
    if (lines === this.recorded.pace.floodLines) await this.pause(FLOOD_TURN_MS);
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
      return true;
    }
    this.tally.restore(lost);
    for (const waiter of waiters) if (!waiter.isOver) this.waiters.add(waiter);
    if (!this.stopped) await this.pause(RETRY_MS);
    return !this.stopped;
  }

  /** At once, each in its own trace. Resolves to what could not be written. */
  async write(entries: readonly E[]): Promise<E[]> {
    const together = new Map<string, [E, ...E[]]>();
    for (const entry of entries) {
      const key = `${entry.tenant} ${entry.traceparent ?? ''}`;
      const others = together.get(key);
      if (others) others.push(entry);
      else together.set(key, [entry]);
    }
    return (await Promise.all([...together.values()].map((own) => this.append(own)))).flat();
  }

  private async append(entries: [E, ...E[]]): Promise<E[]> {
    const { store, instance, onError } = this.options;
    const { stream, eventOf } = this.recorded;
    const [{ tenant, traceparent, ...first }] = entries;
    try {
      const result = await store.append({
        tenant,
        stream: { type: 'audit', id: `${stream}-${instance}` },
        expected: 'any',
        events: entries.map((entry) => ({ ...eventOf(entry), actor: actorOf(entry) })),
        actor: actorOf(first),
        correlationId: `${stream}-${instance}`,
        ...(traceparent === undefined ? {} : { traceparent }),
      });
      return result.ok ? [] : entries;
    } catch (error) {
      onError?.(error);
      return entries;
    }
  }

  /** How many events the next turn may write. */
  private linesNow(): number {
    const { lines, floodLines, burst, refillPerMs } = this.recorded.pace;
    const now = performance.now();
    this.tokens = Math.min(burst, this.tokens + (now - this.refilledAt) * refillPerMs);
    this.refilledAt = now;
    return Math.max(floodLines, Math.min(lines, Math.floor(this.tokens)));
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

const actorOf = ({ principal, kind }: Pick<Attributed, 'principal' | 'kind'>): Actor => ({
  kind: principal === MANY ? 'service' : kind,
  id: principal,
});
