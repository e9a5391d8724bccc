/** The scheduler's shell as the engine has it (lease, queues, hand-over), over virtual time; who gets a slot is decided by the real Allocator. */
import {
  Allocator,
  nextReading,
  urgencyOf,
  type AttemptOutcome,
  type QueueName,
  type Reading,
  type RetryBlock,
  type SlotHolder,
  type StepToPlace,
} from '@mandate/scheduling';
import type { SimEngine } from './engine.js';
import type { WaitingStep } from './log.js';
import type { Granted } from './rules/rule.js';
import { sabotaged } from './sabotage.js';
import type { Process } from './timeline.js';
import type { World } from './world.js';

export interface SimGrant extends SlotHolder {
  effects: 'none' | 'idempotent' | 'at-most-once';
  schedulerEpoch: number;
}

export type Note =
  | { kind: 'confirmed' | 'freed'; holders: readonly SlotHolder[] }
  | { kind: 'ended'; outcomes: readonly AttemptOutcome[] }
  | { kind: 'unused'; grants: readonly SimGrant[] }
  | { kind: 'refused'; schedulerEpoch: number }
  | { kind: 'waiting'; queues: readonly QueueName[] };

/** Those of all tenants, of one tenant, or a single one. */
interface Pool {
  tenant?: string;
  capability?: string;
}

/** A step that was not in the queue before. */
type Wanted = StepToPlace & { priority: number };

interface Open {
  queue: QueueName;
  reading: Reading;
}

interface Read extends Open {
  complete: boolean;
  rows: WaitingStep[];
  /** Retries were left out. */
  held: RetryBlock | null;
}

const ACQUIRE_TIMEOUT_MS = 500;
const BATCH = 4;

export class SimScheduler {
  epoch: number | null = null;
  readonly allocator: Allocator;
  private readonly queues = new Map<string, QueueName>();
  /** Told of since they were last read. */
  private readonly told = new Set<string>();
  private readonly pumping = new Map<string, { again: boolean }>();
  private readings = 0;

  constructor(
    private readonly world: World,
    private readonly engine: SimEngine,
  ) {
    this.allocator = new Allocator({
      capacity: world.capacity,
      policyOf: (tenant) => sabotaged(engine.policyOf(tenant), world.sabotage),
      workersFor: (tenant, capability) => engine.workersFor(tenant, capability),
      isQueued: (tenant, capability) => this.queues.has(nameOf({ tenant, capability })),
    });
  }

  /** As the engine asks: itself, or whoever leads, over the bus. */
  *acquire(step: Wanted): Process<SimGrant | null> {
    if (this.epoch !== null) return this.grant(step);
    const { network, timeline } = this.world;
    let answer: SimGrant | null | undefined;
    for (const other of this.world.engines)
      if (other !== this.engine)
        network.send(this.engine.name, other.name, `acquire ${step.delegationId}/${step.stepId}`, () => {
          if (!other.alive || other.scheduler.epoch === null) return;
          const granted = other.scheduler.grant(step);
          network.send(other.name, this.engine.name, `grant ${step.delegationId}/${step.stepId}`, () => {
            if (answer === undefined) answer = granted;
          });
        });
    const until = timeline.now + ACQUIRE_TIMEOUT_MS;
    while (answer === undefined && timeline.now < until) yield 5;
    return answer ?? null;
  }

  grant(step: Wanted): SimGrant | null {
    if (this.epoch === null) return null;
    if (!step.except && (this.queues.has(nameOf(step)) || this.allocator.mustQueue(step))) return null;
    const { now } = this.world.timeline;
    const choice = this.allocator.choose(step, now);
    const { except, priority, reason = 'first' } = step;
    return 'granted' in choice
      ? this.grantOf(choice.granted, { urgency: except ? null : urgencyOf(now, priority), reason, isNew: true })
      : null;
  }

  private grantOf(holder: SlotHolder, asked: Pick<Granted, 'urgency' | 'reason' | 'isNew'>): SimGrant {
    this.world.invariants.granted({ ...asked, holder, allocator: this.allocator, engine: this.engine });
    const effects = this.world.specOf(holder.instance)?.capabilities[holder.capability]?.effects ?? 'idempotent';
    return { ...holder, effects, schedulerEpoch: this.epoch ?? 0 };
  }

  tell(note: Note): void {
    if (this.epoch !== null) return this.take(note);
    for (const other of this.world.engines)
      if (other !== this.engine)
        this.world.network.send(this.engine.name, other.name, note.kind, () => other.alive && other.scheduler.take(note));
  }

  take(note: Note): void {
    if (this.epoch === null) return;
    const { sabotage, timeline } = this.world;
    if (note.kind === 'waiting')
      for (const queue of note.queues) {
        this.enqueue(queue);
        this.pump(this.poolOf(queue));
      }
    else if (note.kind === 'ended') this.conclude(note.outcomes);
    else if (note.kind === 'confirmed') for (const holder of note.holders) this.allocator.confirm(holder, timeline.now);
    else if (note.kind === 'refused') {
      if (note.schedulerEpoch === this.epoch) this.stepDown();
    } else if (note.kind === 'unused') {
      const ours = note.grants.filter(({ schedulerEpoch }) => schedulerEpoch === this.epoch);
      this.allocator.takeBack(ours);
      this.pumpFreed(ours);
    } else {
      if (sabotage !== 'leak') this.allocator.free(note.holders);
      this.pumpFreed(note.holders);
    }
  }

  /** What cannot be put on record is concluded again by the next failure. */
  private conclude(outcomes: readonly AttemptOutcome[]): void {
    const { network, timeline } = this.world;
    for (const outcome of outcomes)
      for (const verdict of this.allocator.ended(outcome, timeline.now))
        if (!network.isCut(this.engine.name, 'database')) this.world.change(outcome.tenant, verdict);
  }

  private enqueue(queue: QueueName): void {
    this.told.add(nameOf(queue));
    if (this.queues.has(nameOf(queue))) return;
    this.queues.set(nameOf(queue), queue);
    this.allocator.queued(queue);
  }

  private poolOf({ tenant, capability }: QueueName): Pool {
    if (this.world.sabotage === 'lone-queues') return { tenant, capability };
    if (Number.isFinite(this.world.capacity)) return {};
    return Object.keys(this.engine.policyOf(tenant).limits).length > 0 ? { tenant } : { tenant, capability };
  }

  private queuesOf({ tenant, capability }: Pool): QueueName[] {
    return [...this.queues.values()].filter(
      (queue) => (tenant ?? queue.tenant) === queue.tenant && (capability ?? queue.capability) === queue.capability,
    );
  }

  /** Or its workers. */
  policyChanged(tenant: string): void {
    for (const queue of this.queuesOf({ tenant })) this.pump(this.poolOf(queue));
  }

  private pumpFreed(holders: readonly SlotHolder[]): void {
    for (const holder of holders) this.pump(this.poolOf(holder));
  }

  private pump(pool: Pool): void {
    const name = `${pool.tenant ?? ''}/${pool.capability ?? ''}`;
    const running = this.pumping.get(name);
    if (running) {
      running.again = true;
      return;
    }
    const state = { again: false };
    this.pumping.set(name, state);
    this.engine.run(this.pumped(pool, name, state));
  }

  private *pumped(pool: Pool, name: string, state: { again: boolean }): Process {
    do {
      state.again = false;
      yield* this.handOut(pool, state);
    } while (state.again);
    this.pumping.delete(name);
  }

  private *handOut(pool: Pool, pumping: { again: boolean }): Process {
    const { network, sabotage } = this.world;
    const readings = new Map<string, Reading>();
    const all = (): Open[] => this.queuesOf(pool).map((queue) => ({ queue, reading: readings.get(nameOf(queue)) ?? 'first' }));
    let open = all();
    let isWhole = true;
    while (open.length > 0 && this.epoch !== null) {
      for (const { queue } of open) this.told.delete(nameOf(queue));
      const name = `read ${this.engine.name} ${this.readings++}`;
      yield network.latency(name);
      if (network.isCut(this.engine.name, 'database')) return;
      const read = open.map((one) => this.read(one));
      yield network.latency(`${name} back`);
      if (!isWhole && pumping.again && sabotage !== 'half-rounds') {
        pumping.again = false;
        open = all();
        isWhole = true;
        continue;
      }
      const there = read.filter(({ queue, rows, held }) => rows.length > 0 || held || this.emptied(queue));
      open = this.give(pool, there);
      isWhole = false;
      for (const { queue, reading } of open) readings.set(nameOf(queue), reading);
    }
  }

  private read({ queue, reading }: Open): Read {
    const { log } = this.world;
    const { tenant, capability } = queue;
    const held = this.allocator.heldRetries(tenant, capability, this.world.timeline.now);
    const which = held ? 'fresh' : 'all';
    if (reading === 'keys') return { queue, reading, held, complete: true, rows: log.waitingKeyHeads(tenant, capability, which) };
    const limit = BATCH + this.allocator.handedOverCount;
    const rows = log.waitingHead(tenant, capability, limit, which);
    return { queue, reading, held, complete: rows.length < limit, rows };
  }

  private emptied(queue: QueueName): false {
    if (this.told.has(nameOf(queue))) return false;
    this.queues.delete(nameOf(queue));
    this.allocator.emptied(queue);
    return false;
  }

  private give(pool: Pool, read: readonly Read[]): Open[] {
    if (this.epoch === null) return [];
    const { now } = this.world.timeline;
    const steps = (rows: WaitingStep[]): WaitingStep[] => (this.world.sabotage === 'last-first' ? [...rows].reverse() : rows);
    const handout = this.allocator.handOut(
      read.map(({ queue, complete, rows }) => ({ ...queue, complete, steps: steps(rows) })),
      now,
    );
    for (const holder of handout.granted) {
      const row = read
        .flatMap(({ rows }) => rows)
        .find(({ delegationId, stepId }) => delegationId === holder.delegationId && stepId === holder.stepId);
      this.world.handOver(
        this.engine,
        this.grantOf(holder, { urgency: row?.urgency ?? null, reason: row?.reason ?? 'first', isNew: false }),
      );
    }
    return handout.queues.flatMap((outcome, i) => {
      const { queue, reading, held } = read[i] as Read;
      const readyAt = Math.min(outcome.readyAt ?? Infinity, held?.readyAt ?? Infinity);
      if (readyAt < Infinity) this.engine.run(this.pumpedLater(pool, readyAt - now));
      const next = nextReading(outcome, reading);
      return next ? { queue, reading: next } : [];
    });
  }

  private *pumpedLater(pool: Pool, inMs: number): Process {
    yield Math.max(1, inMs);
    this.pump(pool);
  }

  *tick(): Process {
    const { log, network, timeline, sabotage } = this.world;
    const { name } = this.engine;
    if (network.isCut(name, 'database')) return; // as a query that fails: the lease runs out meanwhile
    const stale = this.epoch !== null && this.allocator.hasStaleGrant(timeline.now);
    const epoch = log.claim(log.scheduler, name, timeline.now, stale);
    yield network.latency(`claim ${name} ${timeline.now}`);
    if (epoch === null) return this.stepDown();
    const fresh = epoch !== this.epoch;
    if (this.epoch === null) {
      this.allocator.takeOver(timeline.now);
      this.world.invariants.tookOver(this.allocator);
    }
    if (fresh) this.epoch = null;
    const readAt = timeline.now;
    yield network.latency(`slots ${name} ${timeline.now}`);
    const stored = [...log.slots.values()];
    yield network.latency(`answer ${name} ${timeline.now}`);
    if (sabotage !== 'leak') this.allocator.reconcile(stored, readAt, fresh);
    this.epoch = epoch;
    for (const { tenant, capability } of log.waiting.values()) this.enqueue({ tenant, capability });
    for (const { tenant } of this.queues.values()) this.allocator.sweepRates(tenant, readAt);
    this.allocator.sweepCounts(readAt);
    for (const tenant of this.world.policies.tenants)
      for (const { kind, name: of, capability } of this.engine.policyOf(tenant).guards.breakers.values())
        this.world.change(tenant, { type: 'try-breaker', kind, name: of, capability });
    for (const queue of [...this.queues.values()]) this.pump(this.poolOf(queue));
  }

  private stepDown(): void {
    this.epoch = null;
    this.queues.clear();
    this.told.clear();
  }
}

const nameOf = ({ tenant, capability }: QueueName): string => `${tenant}/${capability}`;
