/** Durable timers stand in PostgreSQL (`es.stream.wake_at`) and are polled; a timer of the process is only a hint that makes short waits exact. */
import type { EventStore } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import type { AgentDirectory } from './agent-directory.js';
import type { DelegationWriter } from './delegation-writer.js';
import { engineOrigin, type Tend } from './tending.js';

export interface TimersOptions {
  store: EventStore;
  writer: () => DelegationWriter;
  agents: AgentDirectory;
  clock: Clock;
  random: () => number;
  tend: Tend;
  owned: () => readonly number[];
}

const POLL_BATCH = 500;
/** What is due later than this is left to the polls. */
const HINTED_WITHIN_MS = 2_000;

export class Timers {
  private readonly waking = new Set<string>();
  private readonly hints = new Map<string, { at: number; timer: NodeJS.Timeout }>();

  constructor(private readonly options: TimersOptions) {}

  hint(tenant: string, id: string, at: number): void {
    const waitMs = at - this.options.clock.now();
    const known = this.hints.get(id);
    if (waitMs > HINTED_WITHIN_MS || (known && known.at <= at)) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(
      () => {
        this.hints.delete(id);
        void this.wake(tenant, id);
      },
      Math.max(0, waitMs),
    );
    timer.unref();
    this.hints.set(id, { at, timer });
  }

  /** Wakes what is due. Called every second. */
  async poll(): Promise<void> {
    const { store, owned, clock } = this.options;
    const partitions = owned();
    if (partitions.length === 0) return;
    const due = await store.dueTimers(partitions, new Date(clock.now()), POLL_BATCH);
    await Promise.all(due.map(({ tenant, stream }) => this.wake(tenant, stream.id)));
  }

  stop(): void {
    for (const { timer } of this.hints.values()) clearTimeout(timer);
    this.hints.clear();
  }

  private async wake(tenant: string, id: string): Promise<void> {
    if (this.waking.has(id)) return;
    this.waking.add(id);
    const { agents, clock, random, tend, writer } = this.options;
    await tend(tenant, id, async (entry) => {
      const now = clock.now();
      if (entry.state.status !== 'active') return;
      const command = {
        type: 'wake' as const,
        capabilitiesAway: agents.capabilitiesAway(tenant),
        agents: agents.capabilities(tenant),
        jitter: random(),
        now,
      };
      await writer().apply(entry, command, engineOrigin(entry, 'timer'));
    });
    this.waking.delete(id);
  }
}
