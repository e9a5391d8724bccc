/**
 * One engine of a log grants the slots (a PostgreSQL lease with an epoch that every dispatching append carries); the others ask it.
 * Grants are given in memory and confirmed by the append. A scheduler that takes over raises the epoch first, which voids
 * every unconfirmed grant of the one before it, and then reads what is held.
 */
import type { EventStore } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import type { Logger } from '@mandate/service-host';
import type { AgentDirectory } from './agent-directory.js';
import { SlotLedger, type Grant, type SlotHolder, type SlotRequest } from './slots.js';

export interface WaitingKey {
  tenant: string;
  capability: string;
}

/** How engines reach the scheduler, and it them; the embedded default never uses it. */
export interface SchedulerLink {
  acquire(request: SlotRequest): Promise<Grant | null>;
  tell(note: SchedulerNote): void;
  /** Hands a granted waiting step to the engine that owns its partition. */
  handOver(grant: Grant): void;
}

export type SchedulerNote =
  | { kind: 'confirmed'; holder: SlotHolder }
  | { kind: 'freed'; holders: readonly SlotHolder[] }
  | { kind: 'waiting'; keys: readonly WaitingKey[] };

export interface SchedulerOptions {
  store: EventStore;
  agents: AgentDirectory;
  clock: Clock;
  logger: Logger;
  instance: string;
  link: SchedulerLink;
}

const LEASE = 'scheduler';
const LEASE_TTL_MS = 3_000;
/** An unconfirmed grant this old belongs to an engine that died or hangs: only a new epoch makes it safe to give the slot again. */
const STALE_GRANT_MS = 10_000;
const PUMP_BATCH = 256;

export class Scheduler {
  readonly ledger: SlotLedger;
  private epoch: number | null = null;
  /** Capabilities with steps in `es.waiting`, as far as known: who comes new queues up behind them. */
  private readonly queued = new Map<string, WaitingKey>();
  private readonly pumping = new Set<string>();
  private readonly handedOver = new Set<string>();

  constructor(private readonly options: SchedulerOptions) {
    this.ledger = new SlotLedger(options.agents);
  }

  get leads(): boolean {
    return this.epoch !== null;
  }

  acquire(request: SlotRequest): Grant | null | Promise<Grant | null> {
    if (this.epoch === null) return this.options.link.acquire(request);
    return this.grant(request);
  }

  /** The scheduler's own side of `acquire`: null also when others wait for the capability already. */
  grant(request: SlotRequest): Grant | null {
    if (this.epoch === null || (request.except === null && this.queued.has(keyOf(request)))) return null;
    return this.ledger.acquire(request, this.epoch, this.options.clock.now());
  }

  confirmed(grant: Grant): void {
    if (this.epoch === null) return this.options.link.tell({ kind: 'confirmed', holder: grant });
    this.take({ kind: 'confirmed', holder: grant });
  }

  freed(holders: readonly SlotHolder[]): void {
    if (this.epoch === null) return this.options.link.tell({ kind: 'freed', holders });
    this.take({ kind: 'freed', holders });
  }

  waitingAdded(keys: readonly WaitingKey[]): void {
    if (this.epoch === null) return this.options.link.tell({ kind: 'waiting', keys });
    this.take({ kind: 'waiting', keys });
  }

  /** What an engine, perhaps another one, tells the scheduler. */
  take(note: SchedulerNote): void {
    if (this.epoch === null) return;
    if (note.kind === 'confirmed') {
      this.ledger.confirm(note.holder);
      this.handedOver.delete(handOverKey(note.holder));
    } else if (note.kind === 'freed') {
      for (const holder of note.holders) {
        this.ledger.release(holder);
        this.handedOver.delete(handOverKey(holder));
        if (this.queued.has(keyOf(holder))) void this.pump(holder);
      }
    } else
      for (const key of note.keys) {
        this.queued.set(keyOf(key), { tenant: key.tenant, capability: key.capability });
        void this.pump(key);
      }
  }

  /** A worker came (back): whoever waits for one of its capabilities may go on. */
  workerAppeared(tenant: string, capabilities: Iterable<string>): void {
    for (const capability of capabilities) if (this.queued.has(keyOf({ tenant, capability }))) void this.pump({ tenant, capability });
  }

  /** Takes or keeps the lease, voids stale grants and compares the ledger with the store. Called every second. */
  async tick(): Promise<void> {
    const { store, instance, clock } = this.options;
    const stale = this.epoch !== null && this.ledger.hasStaleGrant(clock.now() - STALE_GRANT_MS);
    const lease = await store.claimLease(LEASE, instance, LEASE_TTL_MS, { raiseEpoch: stale });
    if (!lease) return this.stepDown();
    const fresh = lease.epoch !== this.epoch;
    this.epoch = lease.epoch;
    const readAt = clock.now();
    this.ledger.reconcile(await store.slots(), readAt, !fresh);
    if (fresh) this.handedOver.clear();
    for (const key of await store.waitingKeys()) this.queued.set(keyOf(key), key);
    for (const key of [...this.queued.values()]) await this.pump(key);
  }

  async stop(): Promise<void> {
    if (this.epoch === null) return;
    this.stepDown();
    await this.options.store.releaseLease(LEASE, this.options.instance);
  }

  private stepDown(): void {
    this.epoch = null;
    this.queued.clear();
  }

  /** Gives free slots to the steps that wait longest. */
  private async pump(waiting: WaitingKey): Promise<void> {
    const key = keyOf(waiting);
    if (this.pumping.has(key)) return;
    this.pumping.add(key);
    try {
      await this.handOut(waiting, key);
    } catch (error) {
      this.options.logger.warn(
        { error: String(error), capability: waiting.capability },
        'waiting steps could not be read; trying again within a second',
      );
    } finally {
      this.pumping.delete(key);
    }
  }

  private async handOut(waiting: WaitingKey, key: string): Promise<void> {
    const { tenant, capability } = waiting;
    for (;;) {
      const free = this.ledger.free(tenant, capability);
      const rows = await this.options.store.waitingHead(tenant, capability, Math.min(PUMP_BATCH, free + this.handedOver.size + 1));
      if (rows.length === 0) {
        this.queued.delete(key);
        return;
      }
      const next = rows.filter((row) => !this.handedOver.has(handOverKey(row)));
      let given = 0;
      for (const row of next) {
        if (this.epoch === null) return;
        const request = { tenant, delegationId: row.delegationId, stepId: row.stepId, capability, except: null };
        const grant = this.ledger.acquire(request, this.epoch, this.options.clock.now());
        if (!grant) return;
        this.handedOver.add(handOverKey(row));
        this.options.link.handOver(grant);
        given++;
      }
      if (given === 0) return;
    }
  }
}

const keyOf = ({ tenant, capability }: WaitingKey): string => `${tenant}/${capability}`;
const handOverKey = ({ tenant, delegationId, stepId }: { tenant: string; delegationId: string; stepId: string }): string =>
  `${tenant}/${delegationId}/${stepId}`;
