/**
 * Who holds which slot, counted by everything that a limit can name. Held from the grant on, confirmed by the append that records the dispatch,
 * freed by the append that ends the attempt. Slots have names, not only numbers, so that telling it twice, or late, changes nothing.
 */
import { dimension } from './policy.js';

export interface SlotHolder {
  tenant: string;
  delegationId: string;
  stepId: string;
  /** With the lease: what the slot is for, so that late news of one attempt say nothing of the next. */
  attempt: number;
  lease: number;
  instance: string;
  capability: string;
  /** The concurrency key of the delegation, or null. */
  key: string | null;
}

interface Held {
  holder: SlotHolder;
  confirmed: boolean;
  since: number;
}

/** In what the slots differed from what is stored, although nothing was on its way. Both are mended when they are found. */
export interface Drift {
  /** Were held in memory, and stored nowhere. */
  leaked: SlotHolder[];
  /** Were stored, and not held in memory. */
  unknown: SlotHolder[];
}

export class Occupancy {
  private readonly slots = new Map<string, Held>();
  private readonly counts = new Map<string, number>();
  private readonly holders = new Map<string, Set<string>>();
  /** Freed since the last reconciliation began: a row read before must not bring them back. */
  private freedLately = new Set<string>();
  /** Let go at the last reconciliation because nothing is stored of them: their end is on its way, or they leaked. */
  private suspects = new Map<string, SlotHolder>();

  get size(): number {
    return this.slots.size;
  }

  has(holder: SlotHolder): boolean {
    return this.slots.has(slotId(holder));
  }

  hold(holder: SlotHolder, confirmed: boolean, now: number): void {
    const id = slotId(holder);
    if (!this.slots.has(id)) this.count(holder, 1);
    this.slots.set(id, { holder, confirmed, since: now });
    this.freedLately.delete(id);
  }

  /** From now on it stands in the store: a reading that began before this moment says nothing about it. */
  confirm(holder: SlotHolder, now: number): void {
    const held = this.slots.get(slotId(holder));
    if (!held) return;
    held.confirmed = true;
    held.since = now;
  }

  /** The attempt ended. False when it was not held. */
  release(holder: SlotHolder): boolean {
    const id = slotId(holder);
    this.freedLately.add(id);
    this.suspects.delete(id);
    return this.drop(id);
  }

  /** A grant that was not used. One that is confirmed was: what comes back is its double. */
  giveBack(holder: SlotHolder): boolean {
    const id = slotId(holder);
    return this.slots.get(id)?.confirmed === false && this.drop(id);
  }

  private drop(id: string): boolean {
    const held = this.slots.get(id);
    if (!held) return false;
    this.slots.delete(id);
    this.count(held.holder, -1);
    return true;
  }

  /** Slots of a worker for one of its capabilities. */
  ofWorker(tenant: string, instance: string, capability: string): number {
    return this.counts.get(`${tenant}/${instance}/${capability}`) ?? 0;
  }

  /** Slots of a dimension of a limit. */
  of(tenant: string, name: string): number {
    return this.counts.get(`${tenant}|${name}`) ?? 0;
  }

  /** Who holds the slots of a dimension, longest first. */
  holdersOf(tenant: string, name: string, limit: number): SlotHolder[] {
    const ids = [...(this.holders.get(`${tenant}|${name}`) ?? [])].slice(0, limit);
    return ids.flatMap((id) => this.slots.get(id)?.holder ?? []);
  }

  running(tenant: string): number {
    return this.of(tenant, dimension('tenant', ''));
  }

  /** Keys that have slots, with their number. */
  *keysOf(tenant: string): Iterable<[key: string, running: number]> {
    const prefix = `${tenant}|key:`;
    for (const [name, count] of this.counts) if (name.startsWith(prefix)) yield [name.slice(prefix.length), count];
  }

  /** A grant that nobody confirmed or gave back: its holder may be dead, or only slow. */
  hasStaleGrant(before: number): boolean {
    for (const held of this.slots.values()) if (!held.confirmed && held.since < before) return true;
    return false;
  }

  /**
   * Makes the slots equal to what is stored, as read from `readAt` on; what changed since stays as it is. Answers what differed: a slot whose end
   * was told by the next time did not.
   */
  reconcile(stored: readonly SlotHolder[], readAt: number, keepUnconfirmed: boolean): Drift {
    const known = new Set(stored.map(slotId));
    const drift: Drift = { leaked: [...this.suspects.values()], unknown: [] };
    this.suspects = new Map();
    for (const [id, held] of this.slots) {
      if (known.has(id) || held.since >= readAt || !(held.confirmed || !keepUnconfirmed)) continue;
      if (held.confirmed) this.suspects.set(id, held.holder);
      this.drop(id);
    }
    for (const holder of stored) {
      const id = slotId(holder);
      const held = this.slots.get(id);
      if (held)
        held.confirmed = true; // the news of it may have been lost
      else if (!this.freedLately.has(id)) {
        this.hold(holder, true, readAt);
        drift.unknown.push(holder);
      }
    }
    this.freedLately = new Set();
    return drift;
  }

  private count(holder: SlotHolder, change: 1 | -1): void {
    const { tenant, instance, capability } = holder;
    this.add(`${tenant}/${instance}/${capability}`, change);
    for (const name of dimensionsOf(holder)) {
      const full = `${tenant}|${name}`;
      this.add(full, change);
      const ids = this.holders.get(full) ?? new Set<string>();
      if (change > 0) ids.add(slotId(holder));
      else ids.delete(slotId(holder));
      if (ids.size > 0) this.holders.set(full, ids);
      else this.holders.delete(full);
    }
  }

  private add(name: string, change: number): void {
    const now = (this.counts.get(name) ?? 0) + change;
    if (now > 0) this.counts.set(name, now);
    else this.counts.delete(name);
  }
}

const dimensionsOf = ({ capability, instance, key }: SlotHolder): string[] => [
  dimension('tenant', ''),
  dimension('capability', capability),
  dimension('worker', instance),
  ...(key === null ? [] : [dimension('key', key)]),
];

const slotId = ({ tenant, delegationId, stepId, attempt, lease, instance }: SlotHolder): string =>
  `${tenant}/${delegationId}/${stepId}/${attempt}.${lease}/${instance}`;
