/** The tenants' policies as the log has them, version by version. */
import { decidePolicy, evolvePolicy, OPEN_POLICY, type Policy, type PolicyEvent } from '@mandate/scheduling';
import type { PolicyChange } from './scenario.js';

interface Version {
  event: PolicyEvent;
  policy: Policy;
}

export class SimPolicies {
  private readonly versions = new Map<string, Version[]>();

  get tenants(): Iterable<string> {
    return this.versions.keys();
  }

  /** False when nothing changed. */
  change(tenant: string, change: PolicyChange, now: number): boolean {
    const known = this.versions.get(tenant) ?? [];
    this.versions.set(tenant, known);
    const events = decidePolicy({ ...change, by: 'olga', reason: '', now }, this.at(tenant, known.length));
    for (const event of events) known.push({ event, policy: evolvePolicy(this.at(tenant, known.length), event) });
    return events.length > 0;
  }

  versionOf(tenant: string): number {
    return this.versions.get(tenant)?.length ?? 0;
  }

  at(tenant: string, version: number): Policy {
    return this.versions.get(tenant)?.[version - 1]?.policy ?? OPEN_POLICY;
  }

  after(tenant: string, version: number): PolicyEvent[] {
    return (this.versions.get(tenant) ?? []).slice(version).map(({ event }) => event);
  }

  /** Every policy that was in force at some moment from `from` to `to`. */
  within(tenant: string, from: number, to: number): Policy[] {
    const known = [
      { since: -Infinity, policy: OPEN_POLICY },
      ...(this.versions.get(tenant) ?? []).map(({ event, policy }) => ({ since: event.at, policy })),
    ];
    return known.filter(({ since }, i) => since <= to && (known[i + 1]?.since ?? Infinity) >= from).map(({ policy }) => policy);
  }
}
