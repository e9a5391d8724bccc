/** The log as PostgreSQL keeps it: streams, slots, waiting steps, leases with epochs; an append is one transaction that checks and writes them together. */
import type { AskReason } from '@mandate/contracts';
import { evolve, initial, type Delegation, type DelegationEvent } from '@mandate/delegation';
import type { SlotHolder } from '@mandate/scheduling';

export interface WaitingStep {
  tenant: string;
  delegationId: string;
  stepId: string;
  attempt: number;
  lease: number;
  capability: string;
  key: string | null;
  reason: AskReason;
  substitutable: boolean;
  urgency: number;
  rank: number;
  since: number;
}

/** `fresh`: without retries. */
type WhichWaiting = 'all' | 'fresh';

export interface Stream {
  version: number;
  state: Delegation;
  wakeAt: number | null;
}

export interface Append {
  id: string;
  expected: number;
  events: readonly DelegationEvent[];
  wakeAt: number | null;
  partitionEpoch: number;
  schedulerEpoch: number | null;
  acquire: readonly SlotHolder[];
  release: readonly string[];
  waitingAdd: readonly Omit<WaitingStep, 'rank' | 'since'>[];
  waitingRemove: readonly string[];
  now: number;
}

interface Lease {
  owner: string | null;
  epoch: number;
  until: number;
}

export const PARTITIONS = 4;
const LEASE_MS = 3_000;

export const partitionOf = (id: string): number => Number(id.slice(1)) % PARTITIONS;
export const stepName = (id: string, stepId: string): string => `${id}/${stepId}`;

export class Log {
  readonly streams = new Map<string, Stream>();
  readonly slots = new Map<string, SlotHolder>();
  readonly waiting = new Map<string, WaitingStep>();
  readonly scheduler: Lease = { owner: null, epoch: 0, until: 0 };
  readonly partitions: Lease[] = Array.from({ length: PARTITIONS }, () => ({ owner: null, epoch: 0, until: 0 }));
  readonly members = new Map<string, number>();
  /** Delegations that go on. */
  open = 0;
  private ranks = 0;

  constructor(
    private readonly appended: (append: Append, before: Delegation, after: Delegation) => void,
    private readonly checks: { writers: boolean; scheduler: boolean },
  ) {}

  stream(id: string): Stream {
    return this.streams.get(id) ?? { version: 0, state: initial, wakeAt: null };
  }

  append(entry: Append): 'ok' | 'VERSION_CONFLICT' | 'FENCED' | 'SCHEDULER_FENCED' {
    const stream = this.stream(entry.id);
    if (this.checks.writers && this.partitions[partitionOf(entry.id)]?.epoch !== entry.partitionEpoch) return 'FENCED';
    if (this.checks.scheduler && entry.schedulerEpoch !== null && entry.schedulerEpoch !== this.scheduler.epoch) return 'SCHEDULER_FENCED';
    if (this.checks.writers && stream.version !== entry.expected) return 'VERSION_CONFLICT';
    const after = entry.events.reduce((state, event) => evolve(state, event, entry.id), stream.state);
    this.streams.set(entry.id, { ...stream, version: stream.version + entry.events.length, state: after, wakeAt: entry.wakeAt });
    this.open += Number(after.status === 'active') - Number(stream.state.status === 'active');
    for (const stepId of entry.release) this.slots.delete(stepName(entry.id, stepId));
    for (const slot of entry.acquire) this.slots.set(stepName(entry.id, slot.stepId), slot);
    for (const step of entry.waitingAdd) {
      const name = stepName(entry.id, step.stepId);
      const known = this.waiting.get(name);
      this.waiting.set(name, { ...step, rank: known?.rank ?? this.ranks++, since: known?.since ?? entry.now });
    }
    for (const stepId of entry.waitingRemove) this.waiting.delete(stepName(entry.id, stepId));
    this.appended(entry, stream.state, after);
    return 'ok';
  }

  /** Most urgent first. */
  waitingOf(tenant: string, capability: string, which: WhichWaiting): WaitingStep[] {
    return [...this.waiting.values()]
      .filter((step) => step.tenant === tenant && step.capability === capability && (which === 'all' || step.reason !== 'retry'))
      .sort((a, b) => a.urgency - b.urgency || a.rank - b.rank);
  }

  waitingHead(tenant: string, capability: string, limit: number, which: WhichWaiting): WaitingStep[] {
    return this.waitingOf(tenant, capability, which).slice(0, limit);
  }

  waitingKeyHeads(tenant: string, capability: string, which: WhichWaiting): WaitingStep[] {
    const seen = new Set<string | null>();
    return this.waitingOf(tenant, capability, which).filter(({ key }) => !seen.has(key) && seen.add(key));
  }

  claim(lease: Lease, owner: string, now: number, raiseEpoch = false): number | null {
    if (lease.owner !== owner && lease.until > now) return null;
    if (lease.owner !== owner || lease.until <= now || raiseEpoch) lease.epoch++;
    lease.owner = owner;
    lease.until = now + LEASE_MS;
    return lease.epoch;
  }

  /** An even share of the partitions for everyone who is there. */
  claimPartitions(owner: string, now: number): Map<number, number> {
    this.members.set(owner, now + LEASE_MS);
    const there = [...this.members.values()].filter((until) => until > now).length;
    const share = Math.ceil(PARTITIONS / there);
    const owned = new Map<number, number>();
    for (const mine of [true, false])
      this.partitions.forEach((lease, partition) => {
        if ((lease.owner === owner && lease.until > now) !== mine) return;
        if (mine && owned.size >= share) lease.until = 0;
        else if (owned.size < share) {
          const epoch = this.claim(lease, owner, now);
          if (epoch !== null) owned.set(partition, epoch);
        }
      });
    return owned;
  }

  due(now: number, owned: (partition: number) => boolean): string[] {
    return [...this.streams].flatMap(([id, { wakeAt }]) => (wakeAt !== null && wakeAt <= now && owned(partitionOf(id)) ? [id] : []));
  }
}
