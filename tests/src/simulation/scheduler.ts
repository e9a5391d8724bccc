/** The scheduler's shell as the engine has it (lease, queues, hand-over), over virtual time; who gets a slot is decided by the real Allocator. */
import { Allocator, fairOrder, urgencyOf, type SlotHolder, type StepToPlace } from '@mandate/scheduling';
import type { SimEngine } from './engine.js';
import type { WaitingStep } from './log.js';
import { TENANT } from './scenario.js';
import type { Process } from './timeline.js';
import type { World } from './world.js';

export interface SimGrant extends SlotHolder {
  effects: 'none' | 'idempotent' | 'at-most-once';
  schedulerEpoch: number;
}

export type Note =
  | { kind: 'confirmed' | 'freed'; holders: readonly SlotHolder[] }
  | { kind: 'unused'; grants: readonly SimGrant[] }
  | { kind: 'refused'; schedulerEpoch: number }
  | { kind: 'waiting'; capabilities: readonly string[] };

/** A step that was not in the queue before. */
type Wanted = StepToPlace & { priority: number };

const ACQUIRE_TIMEOUT_MS = 500;
const BATCH = 4;

export class SimScheduler {
  epoch: number | null = null;
  readonly allocator: Allocator;
  private readonly queues = new Set<string>();
  private readonly pumping = new Map<string, { again: boolean }>();

  constructor(
    private readonly world: World,
    private readonly engine: SimEngine,
  ) {
    const { sabotage } = world;
    this.allocator = new Allocator({
      capacity: Infinity,
      policyOf: () => (sabotage === 'no-limits' ? { ...engine.policy, limits: {} } : engine.policy),
      workersFor: (_tenant, capability) => engine.workersFor(capability),
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
    if (this.epoch === null || (!step.except && this.queues.has(step.capability))) return null;
    const choice = this.allocator.choose(step, this.world.timeline.now);
    if ('block' in choice) return null;
    const { log, invariants, timeline } = this.world;
    const urgency = urgencyOf(timeline.now, step.priority);
    if (!step.except) invariants.granted(log, this.allocator, { ...step, urgency }, this.engine.policy, timeline.now);
    return this.grantOf(choice.granted);
  }

  private grantOf(holder: SlotHolder): SimGrant {
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
      for (const capability of note.capabilities) {
        this.queues.add(capability);
        this.pump(capability);
      }
    else if (note.kind === 'confirmed') for (const holder of note.holders) this.allocator.confirm(holder, timeline.now);
    else if (note.kind === 'refused') {
      if (note.schedulerEpoch === this.epoch) this.stepDown();
    } else if (note.kind === 'unused') {
      this.allocator.takeBack(note.grants.filter(({ schedulerEpoch }) => schedulerEpoch === this.epoch));
      this.pumpAll();
    } else {
      if (sabotage !== 'leak') this.allocator.free(note.holders);
      this.pumpAll();
    }
  }

  pumpAll(): void {
    const queues = [...this.queues].map((capability) => ({ tenant: TENANT, capability }));
    for (const { capability } of fairOrder(queues, () => 1, this.allocator.occupancy)) this.pump(capability);
  }

  private pump(capability: string): void {
    const running = this.pumping.get(capability);
    if (running) {
      running.again = true;
      return;
    }
    const state = { again: false };
    this.pumping.set(capability, state);
    this.engine.run(this.pumped(capability, state));
  }

  private *pumped(capability: string, state: { again: boolean }): Process {
    do {
      state.again = false;
      yield* this.handOut(capability);
    } while (state.again);
    this.pumping.delete(capability);
  }

  private *handOut(capability: string): Process {
    const { log, network } = this.world;
    for (;;) {
      yield 1;
      if (network.isCut(this.engine.name, 'database')) return;
      const rows = log.waitingHead(capability, BATCH + this.allocator.handedOverCount);
      yield 1;
      if (rows.length === 0) return void this.queues.delete(capability);
      const outcome = this.give(capability, this.world.sabotage === 'last-first' ? [...rows].reverse() : rows);
      if (outcome === 'held-up') return;
      if (outcome === 'given') continue;
      if (this.give(capability, log.waitingKeyHeads(capability)) !== 'given') return;
    }
  }

  private give(capability: string, rows: readonly WaitingStep[]): 'given' | 'held-up' | 'keys' {
    if (this.epoch === null) return 'held-up';
    const { now } = this.world.timeline;
    const { granted, outcome, readyAt } = this.allocator.handOut(rows, now);
    const urgencyOfRow = (holder: SlotHolder): number =>
      rows.find((row) => row.delegationId === holder.delegationId && row.stepId === holder.stepId)?.urgency ?? 0;
    for (const holder of granted)
      this.world.invariants.granted(this.world.log, this.allocator, { ...holder, urgency: urgencyOfRow(holder) }, this.engine.policy, now);
    for (const holder of granted) this.world.handOver(this.engine, this.grantOf(holder));
    if (readyAt !== null) this.engine.run(this.pumpedLater(capability, readyAt - now));
    return outcome;
  }

  private *pumpedLater(capability: string, inMs: number): Process {
    yield Math.max(1, inMs);
    this.pump(capability);
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
    if (this.epoch === null) this.allocator.takeOver(timeline.now);
    if (fresh) this.epoch = null;
    const readAt = timeline.now;
    yield network.latency(`slots ${name} ${timeline.now}`);
    const stored = [...log.slots.values()];
    yield network.latency(`answer ${name} ${timeline.now}`);
    if (sabotage !== 'leak') this.allocator.reconcile(stored, readAt, fresh);
    this.epoch = epoch;
    for (const { capability } of log.waiting.values()) this.queues.add(capability);
    this.allocator.sweepRates(TENANT, readAt);
    this.pumpAll();
  }

  private stepDown(): void {
    this.epoch = null;
    this.queues.clear();
  }
}
