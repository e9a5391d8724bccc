/** Flow control as HTTP sees it: a tenant's policy with what runs under it, and changes to it. */
import type { SchedulingChange, SchedulingView } from '@mandate/contracts';
import type { EventStore } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import { LIMIT_KINDS, Occupancy, PAUSE_KINDS, RATE_KINDS, type Policy, type PolicyCommand } from '@mandate/scheduling';
import { SchedulingApi, type Caller } from '../http/index.js';
import { guardCommandOf, guardsView, target } from './guard-changes.js';
import type { Policies } from './policies.js';

export class Flow extends SchedulingApi {
  constructor(
    private readonly store: EventStore,
    private readonly policies: Policies,
    private readonly clock: Clock,
  ) {
    super();
  }

  async view({ tenant }: Caller): Promise<SchedulingView> {
    return this.show(tenant, this.policies.of(tenant));
  }

  async change({ tenant, principal, traceparent }: Caller, change: SchedulingChange): Promise<SchedulingView> {
    const command = commandOf(change, principal, this.clock.now());
    return this.show(tenant, await this.policies.command(tenant, command, { actor: { kind: 'operator', id: principal }, traceparent }));
  }

  private async show(tenant: string, policy: Policy): Promise<SchedulingView> {
    const occupancy = new Occupancy();
    for (const slot of await this.store.slots()) occupancy.hold(slot, true, 0);
    const named = <Value, Shown>(
      record: Readonly<Record<string, Value>>,
      show: (kind: string, name: string, value: Value) => Shown,
    ): Shown[] =>
      Object.entries(record).map(([key, value]) => show(key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1), value));
    return {
      running: occupancy.running(tenant),
      weight: policy.weight,
      limits: named(policy.limits, (kind, name, max) => ({ kind, name, max, running: occupancy.of(tenant, `${kind}:${name}`) })),
      rates: named(policy.rates, (kind, name, rate) => ({ kind, name, ...rate })),
      paused: named(policy.paused, (kind, name, reason) => ({ kind, name, reason })),
      workers: Object.entries(policy.workers).map(([instance, mode]) => ({ instance, mode })),
      ...guardsView(policy.guards),
    };
  }
}

const commandOf = (change: SchedulingChange, by: string, now: number): PolicyCommand => {
  const given = { by, reason: change.reason ?? '', now };
  switch (change.type) {
    case 'set-limit':
      return { ...given, type: change.type, ...target(change, LIMIT_KINDS), max: change.max ?? 0 };
    case 'remove-limit':
      return { ...given, type: change.type, ...target(change, LIMIT_KINDS) };
    case 'set-rate':
      return { ...given, type: change.type, ...target(change, RATE_KINDS), burst: change.burst ?? 1, perSecond: change.perSecond ?? 1 };
    case 'remove-rate':
      return { ...given, type: change.type, ...target(change, RATE_KINDS) };
    case 'set-weight':
      return { ...given, type: change.type, weight: change.weight ?? 1 };
    case 'pause':
    case 'resume':
      return { ...given, type: change.type, ...target(change, PAUSE_KINDS) };
    case 'mode-worker':
      return { ...given, type: change.type, instance: change.instance ?? '', mode: change.mode ?? 'active' };
    default:
      return guardCommandOf({ ...change, type: change.type }, given);
  }
};
