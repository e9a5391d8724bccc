/** What the service does by itself, again and again, in one process of those that run it (a lease). */
import { randomBytes } from 'node:crypto';
import type { EventStore } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import type { Logger } from '@mandate/service-host';

export interface Duty {
  name: string;
  everyMs: number;
  /** True: there is more to do at once. */
  run: () => Promise<boolean | void>;
}

const LEASE = 'audit';
const LEASE_TTL_MS = 15_000;
const TICK_MS = 1_000;

export class Keeper {
  private readonly owner = ulid(Date.now(), randomBytes(10));
  private readonly due = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;
  private working: Promise<void> | null = null;
  private stopped = false;
  private leaseUntil = 0;

  constructor(
    private readonly store: EventStore,
    private readonly logger: Logger,
    private readonly duties: readonly Duty[],
  ) {
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  private tick(): void {
    this.working ??= this.work()
      .catch((error: unknown) =>
        this.logger.warn({ error: String(error) }, 'the audit service cannot do its duties just now; it tries again'),
      )
      .finally(() => (this.working = null));
  }

  private async work(): Promise<void> {
    const now = performance.now();
    const waiting = this.duties.filter(({ name }) => now >= (this.due.get(name) ?? 0));
    if (waiting.length === 0 || !(await this.holdsLease(now))) return;
    for (const { name, everyMs, run } of waiting) {
      if (this.stopped) return;
      try {
        const more = await run();
        this.due.set(name, more ? 0 : performance.now() + everyMs);
      } catch (error) {
        this.due.set(name, performance.now() + everyMs);
        this.logger.warn({ error: String(error), duty: name }, 'a duty of the audit service failed; its next turn tries again');
      }
    }
  }

  private async holdsLease(now: number): Promise<boolean> {
    if (now < this.leaseUntil - LEASE_TTL_MS / 2) return true;
    if (!(await this.store.claimLease(LEASE, this.owner, LEASE_TTL_MS))) return false;
    this.leaseUntil = now + LEASE_TTL_MS;
    return true;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.working;
    if (this.leaseUntil > 0) await this.store.releaseLease(LEASE, this.owner).catch(() => undefined);
  }
}
