/** Which capabilities have waiting steps, and the pumping of each: one at a time, once more when somebody asked meanwhile. */
import type { Logger } from '@mandate/service-host';

export interface WaitingKey {
  tenant: string;
  capability: string;
}

export const queueName = ({ tenant, capability }: WaitingKey): string => `${tenant}/${capability}`;

export class WaitingQueues {
  /** Capabilities with steps in `es.waiting`, as far as known: who comes new queues up behind them. */
  private readonly queued = new Map<string, WaitingKey>();
  private readonly pumping = new Map<string, { again: boolean; done: Promise<void> }>();
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly handOut: (waiting: WaitingKey) => Promise<void>,
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

  add({ tenant, capability }: WaitingKey): void {
    this.queued.set(queueName({ tenant, capability }), { tenant, capability });
  }

  delete(waiting: WaitingKey): void {
    this.queued.delete(queueName(waiting));
  }

  clear(): void {
    this.queued.clear();
  }

  pump({ tenant, capability }: WaitingKey): void {
    const waiting = { tenant, capability };
    const name = queueName(waiting);
    const running = this.pumping.get(name);
    if (running) {
      running.again = true;
      return;
    }
    const state = { again: false, done: Promise.resolve() };
    this.pumping.set(name, state);
    state.done = this.run(waiting, state).finally(() => this.pumping.delete(name));
  }

  private async run(waiting: WaitingKey, state: { again: boolean }): Promise<void> {
    do {
      state.again = false;
      try {
        await this.handOut(waiting);
      } catch (error) {
        this.logger.warn({ error: String(error), ...waiting }, 'waiting steps could not be read; trying again within a second');
        return;
      }
    } while (state.again);
  }

  pumpTenant(tenant: string): void {
    for (const waiting of [...this.queued.values()]) if (waiting.tenant === tenant) this.pump(waiting);
  }

  /** Pumps again when a rate allows the next one. */
  pumpAt(waiting: WaitingKey, inMs: number): void {
    const name = queueName(waiting);
    if (this.timers.has(name)) return;
    const timer = setTimeout(
      () => {
        this.timers.delete(name);
        if (this.has(waiting)) this.pump(waiting);
      },
      Math.max(1, inMs),
    );
    timer.unref();
    this.timers.set(name, timer);
  }

  async idle(): Promise<void> {
    await Promise.all([...this.pumping.values()].map(({ done }) => done));
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }
}
