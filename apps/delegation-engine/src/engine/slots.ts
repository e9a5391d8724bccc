/**
 * The slots of workers, kept by the one scheduler of a log. A slot is held from the grant on; the append that records the
 * dispatch confirms it, the append that ends the attempt frees it. Truth is `es.slot`; this is its fold plus unconfirmed grants.
 * Slots have names, not only numbers, so that telling the ledger twice, or late, changes nothing.
 */
import type { Effects } from '@mandate/contracts';
import type { Agent, AgentDirectory } from './agent-directory.js';

export interface SlotHolder {
  tenant: string;
  delegationId: string;
  stepId: string;
  instance: string;
  capability: string;
}

export interface Grant extends SlotHolder {
  effects: Effects;
  /** The append carries it: a grant of a scheduler that was replaced is refused there. */
  schedulerEpoch: number;
}

export interface SlotRequest {
  tenant: string;
  delegationId: string;
  stepId: string;
  capability: string;
  /** An instance that just declined. */
  except: string | null;
}

interface Held {
  holder: SlotHolder;
  confirmed: boolean;
  since: number;
}

export class SlotLedger {
  private readonly slots = new Map<string, Held>();
  private readonly counts = new Map<string, number>();
  /** Freed since the last reconciliation began: a row read before must not bring them back. */
  private freedLately = new Set<string>();

  constructor(private readonly agents: AgentDirectory) {}

  /** Takes a slot of the least loaded worker that is there; null when none is free. */
  acquire(request: SlotRequest, schedulerEpoch: number, now: number): Grant | null {
    const { tenant, capability } = request;
    let best: Agent | null = null;
    let lowest = 1;
    for (const agent of this.agents.ofCapability(tenant, capability)) {
      if (agent.instance === request.except || !this.agents.isOnline(agent)) continue;
      const load = this.running(tenant, agent.instance, capability) / (agent.capabilities.get(capability)?.concurrency ?? 1);
      if (load < lowest) {
        best = agent;
        lowest = load;
      }
    }
    if (!best) return null;
    const holder = { tenant, delegationId: request.delegationId, stepId: request.stepId, instance: best.instance, capability };
    this.hold(holder, false, now);
    return { ...holder, effects: best.capabilities.get(capability)?.effects ?? 'idempotent', schedulerEpoch };
  }

  hold(holder: SlotHolder, confirmed: boolean, now: number): void {
    const id = slotId(holder);
    if (!this.slots.has(id)) this.count(holder, 1);
    this.slots.set(id, { holder, confirmed, since: now });
    this.freedLately.delete(id);
  }

  confirm(holder: SlotHolder): void {
    const held = this.slots.get(slotId(holder));
    if (held) held.confirmed = true;
  }

  release(holder: SlotHolder): void {
    const id = slotId(holder);
    this.freedLately.add(id);
    if (this.slots.delete(id)) this.count(holder, -1);
  }

  running(tenant: string, instance: string, capability: string): number {
    return this.counts.get(countKey(tenant, instance, capability)) ?? 0;
  }

  free(tenant: string, capability: string): number {
    let free = 0;
    for (const agent of this.agents.ofCapability(tenant, capability))
      if (this.agents.isOnline(agent))
        free += Math.max(0, (agent.capabilities.get(capability)?.concurrency ?? 1) - this.running(tenant, agent.instance, capability));
    return free;
  }

  /** A grant that nobody confirmed or gave back: its holder may be dead, or only slow. */
  hasStaleGrant(before: number): boolean {
    for (const held of this.slots.values()) if (!held.confirmed && held.since < before) return true;
    return false;
  }

  /** Makes the ledger equal to `es.slot` as read from `readAt` on; what changed since stays as it is. */
  reconcile(rows: readonly SlotHolder[], readAt: number, keepUnconfirmed: boolean): void {
    const stored = new Set(rows.map(slotId));
    for (const [id, held] of this.slots)
      if (!stored.has(id) && held.since < readAt && (held.confirmed || !keepUnconfirmed)) {
        this.slots.delete(id);
        this.count(held.holder, -1);
      }
    for (const row of rows) if (!this.slots.has(slotId(row)) && !this.freedLately.has(slotId(row))) this.hold(row, true, readAt);
    this.freedLately = new Set();
  }

  private count({ tenant, instance, capability }: SlotHolder, change: number): void {
    const key = countKey(tenant, instance, capability);
    const now = (this.counts.get(key) ?? 0) + change;
    if (now > 0) this.counts.set(key, now);
    else this.counts.delete(key);
  }
}

const slotId = ({ tenant, delegationId, stepId, instance }: SlotHolder): string => `${tenant}/${delegationId}/${stepId}/${instance}`;
const countKey = (tenant: string, instance: string, capability: string): string => `${tenant}/${instance}/${capability}`;
