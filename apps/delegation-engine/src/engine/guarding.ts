/** What the scheduler that leads decides about breakers and retry budgets, put on record: everybody's policy is the fold of it. */
import { AppError, type Clock } from '@mandate/kernel';
import { decidePolicy, type BreakerVerdict, type GuardCommand, type PolicyCommand, type RetryBlock } from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { Policies } from './policies.js';

export interface GuardingOptions {
  policies: Policies;
  clock: Clock;
  logger: Logger;
}

const BY = 'scheduler';
const SERVICE = { kind: 'service', id: 'delegation-engine' } as const;

export class Guarding {
  /** What is being written down: the same is not concluded again meanwhile. */
  private readonly pending = new Map<string, Promise<void>>();

  constructor(private readonly options: GuardingOptions) {}

  conclude(tenant: string, verdict: BreakerVerdict): void {
    this.decide(tenant, { ...verdict, reason: reasonOf(verdict), ...this.now() });
  }

  /** The retry budget of a capability is spent. */
  hold(tenant: string, { capability, retries, traffic, allowed, readyAt }: RetryBlock): void {
    const reason = `retry budget spent: ${retries} of ${allowed} retries within a minute, at ${traffic} first attempts`;
    this.decide(tenant, { type: 'hold-retries', capability, retries, traffic, allowed, readyAt, reason, ...this.now() });
  }

  /** Breakers whose time has come are half open. Called every second. */
  tryDue(): void {
    for (const [tenant, { guards }] of this.options.policies.all())
      for (const { kind, name, capability } of guards.breakers.values())
        this.decide(tenant, { type: 'try-breaker', kind, name, capability, reason: 'it is time to try', ...this.now() });
  }

  /** Resolves once everything concluded by now is on record, or failed to be. */
  async idle(): Promise<void> {
    await Promise.all(this.pending.values());
  }

  private now(): { by: string; now: number } {
    return { by: BY, now: this.options.clock.now() };
  }

  private decide(tenant: string, command: GuardCommand): void {
    const { policies } = this.options;
    const name = nameOf(tenant, command);
    if (this.pending.has(name) || !this.changes(tenant, command)) return;
    const written = policies
      .command(tenant, command, { actor: SERVICE })
      .then(() => undefined)
      .catch((error: unknown) => this.trouble(tenant, command, error))
      .finally(() => this.pending.delete(name));
    this.pending.set(name, written);
  }

  /** By what is known here; the log has the last word. */
  private changes(tenant: string, command: PolicyCommand): boolean {
    try {
      return decidePolicy(command, this.options.policies.of(tenant)).length > 0;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.trouble(tenant, command, error);
      return false;
    }
  }

  private trouble(tenant: string, { type }: PolicyCommand, error: unknown): void {
    this.options.logger.warn(
      { error: String(error), tenant, type },
      'a breaker or retry budget could not be put on record; it is tried again',
    );
  }
}

const nameOf = (tenant: string, command: GuardCommand): string =>
  [
    tenant,
    command.type,
    'kind' in command ? command.kind : '',
    'name' in command ? command.name : '',
    'capability' in command ? command.capability : '',
  ].join('/');

const reasonOf = (verdict: BreakerVerdict): string => {
  if (verdict.type === 'close-breaker') return 'what was let through went well';
  if (verdict.from === 'half-open') return 'what was let through failed';
  const { failures, volume, windowMs } = verdict;
  return `${failures} of ${volume} attempts failed within ${Math.round(windowMs / 1_000)} s`;
};
