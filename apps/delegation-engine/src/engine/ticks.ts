/** What the engine does again and again. One tick of a kind at a time; a failing one is logged and tried again. */
import type { Logger } from '@mandate/service-host';

export interface Tick {
  name: string;
  everyMs: number;
  run: () => void | Promise<void>;
}

export class Ticks {
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly running = new Map<string, Promise<void>>();

  constructor(
    private readonly logger: Logger,
    private readonly ticks: readonly Tick[],
  ) {}

  /** Runs every tick once, in order, then each on its own. Throws what the first round throws. */
  async start(): Promise<void> {
    for (const tick of this.ticks) await tick.run();
    for (const tick of this.ticks) this.timers.push(setInterval(() => this.tick(tick), tick.everyMs));
  }

  private tick({ name, run }: Tick): void {
    if (this.running.has(name)) return;
    const done = (async () => run())()
      .catch((error: unknown) => this.logger.warn({ error: String(error), tick: name }, 'a tick failed; the next one tries again'))
      .finally(() => this.running.delete(name));
    this.running.set(name, done);
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all(this.running.values());
  }
}
