/** Which capabilities have waiting steps, and the pumping of those that share something: one at a time, once more when somebody asked meanwhile. */
import type { Logger } from '@mandate/service-host';

export interface WaitingKey {
  tenant: string;
  capability: string;
}

/** Queues that are given slots together: those of all tenants, of one tenant, or a single one. */
export interface Pool {
  tenant?: string;
  capability?: string;
}

/** `again`: something came free, or somebody came, since it began. */
export interface Pumping {
  again: boolean;
}

const poolName = ({ tenant = '', capability = '' }: Pool): string => `${tenant}/${capability}`;
export const queueName = ({ tenant, capability }: WaitingKey): string => `${tenant}/${capability}`;

export class WaitingQueues {
  /** Capabilities with steps in `es.waiting`, as far as known: who comes new queues up behind them. */
  private readonly queued = new Map<string, WaitingKey>();
  /** Told of since they were last read. */
  private readonly told = new Set<string>();
  private readonly pumping = new Map<string, Pumping & { done: Promise<void> }>();
  private readonly timers = new Map<string, { at: number; timer: NodeJS.Timeout }>();

  constructor(
    private readonly handOut: (pool: Pool, pumping: Pumping) => Promise<void>,
    private readonly logger: Logger,
  ) {}

  get size(): number {
    return this.queued.size;
  }

  has(waiting: WaitingKey): boolean {
    return this.queued.has(queueName(waiting));
  }

  all(): IterableIterator<WaitingKey> {
    return this.queued.values();
  }

  /** Those of a pool. */
  of({ tenant, capability }: Pool): WaitingKey[] {
    if (tenant === undefined) return [...this.queued.values()];
    if (capability === undefined) return [...this.queued.values()].filter((waiting) => waiting.tenant === tenant);
    const waiting = this.queued.get(queueName({ tenant, capability }));
    return waiting ? [waiting] : [];
  }

  /** False when it was known. */
  add({ tenant, capability }: WaitingKey): boolean {
    const name = queueName({ tenant, capability });
    this.told.add(name);
    if (this.queued.has(name)) return false;
    this.queued.set(name, { tenant, capability });
    return true;
  }

  /** It is read from now on. */
  reading(waiting: WaitingKey): void {
    this.told.delete(queueName(waiting));
  }

  /** It was read and nobody stood there. False when somebody came meanwhile. */
  emptied(waiting: WaitingKey): boolean {
    return !this.told.has(queueName(waiting)) && this.queued.delete(queueName(waiting));
  }

  clear(): void {
    this.queued.clear();
    this.told.clear();
  }

  pump(pool: Pool): void {
    const name = poolName(pool);
    const running = this.pumping.get(name);
    if (running) {
      running.again = true;
      return;
    }
    const state = { again: false, done: Promise.resolve() };
    this.pumping.set(name, state);
    state.done = this.run(pool, state).finally(() => this.pumping.delete(name));
  }

  private async run(pool: Pool, state: Pumping): Promise<void> {
    do {
      state.again = false;
      try {
        await this.handOut(pool, state);
      } catch (error) {
        this.logger.warn({ error: String(error), ...pool }, 'waiting steps could not be read; trying again within a second');
        return;
      }
    } while (state.again);
  }

  /** Pumps again when a rate or a retry budget allows the next one; the earliest such time counts. */
  pumpAt(pool: Pool, inMs: number): void {
    const name = poolName(pool);
    const at = performance.now() + inMs;
    const known = this.timers.get(name);
    if (known && known.at <= at) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(
      () => {
        this.timers.delete(name);
        this.pump(pool);
      },
      Math.max(1, inMs),
    );
    timer.unref();
    this.timers.set(name, { at, timer });
  }

  async idle(): Promise<void> {
    await Promise.all([...this.pumping.values()].map(({ done }) => done));
  }

  stop(): void {
    for (const { timer } of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }
}
