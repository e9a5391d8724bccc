/** The scheduler's shell as the engine has it (lease, queues, hand-over), over virtual time; who gets a slot is decided by the real Allocator. */
import {
  Allocator,
  fairOrder,
  NO_GUARDS,
  urgencyOf,
  type AttemptOutcome,
  type Policy,
  type SlotHolder,
  type StepToPlace,
} from '@mandate/scheduling';
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
  | { kind: 'ended'; outcomes: readonly AttemptOutcome[] }
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
    this.allocator = new Allocator({
      capacity: Infinity,
      policyOf: () => this.policy(),
      workersFor: (_tenant, capability) => engine.workersFor(capability),
    });
  }

  private policy(): Policy {
    const { policy } = this.engine;
    const { guards } = policy;
    switch (this.world.sabotage) {
      case 'no-limits':
        return { ...policy, limits: {} };
      case 'no-breakers':
        return { ...policy, guards: { ...guards, breakers: NO_GUARDS.breakers } };
      case 'no-budgets':
        return { ...policy, guards: { ...guards, retryBudgets: new Map([['*', { percent: 100, perMinute: 1_000_000 }]]) } };
      default:
        return policy;
    }
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
    this.world.guards.granted(this.allocator, step, this.engine.policy, timeline.now);
    const mayHoldRetries = this.mayHoldRetries(step.capability);
    if (!step.except) invariants.granted(log, this.allocator, { ...step, urgency, mayHoldRetries }, this.engine.policy, timeline.now);
    return this.grantOf(choice.granted);
  }

  private mayHoldRetries(capability: string): boolean {
    return this.world.guards.mayHold(this.allocator, capability, this.engine.policy, this.world.timeline.now);
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
    else if (note.kind === 'ended') this.conclude(note.outcomes);
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

  /** What cannot be put on record is concluded again by the next failure. */
  private conclude(outcomes: readonly AttemptOutcome[]): void {
    const { network, timeline } = this.world;
    for (const outcome of outcomes)
      for (const verdict of this.allocator.ended(outcome, timeline.now))
        if (!network.isCut(this.engine.name, 'database')) this.world.change(verdict);
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
      const { now } = this.world.timeline;
      const held = this.allocator.heldRetries(TENANT, capability, now);
      const which = held ? 'fresh' : 'all';
      const rows = log.waitingHead(capability, BATCH + this.allocator.handedOverCount, which);
      yield 1;
      if (held) this.engine.run(this.pumpedLater(capability, held.readyAt - now));
      else if (rows.length === 0) return void this.queues.delete(capability);
      const outcome = this.give(capability, this.world.sabotage === 'last-first' ? [...rows].reverse() : rows);
      if (outcome === 'held-up') return;
      if (outcome === 'given') continue;
      if (this.give(capability, log.waitingKeyHeads(capability, which)) !== 'given') return;
    }
  }

  private give(capability: string, rows: readonly WaitingStep[]): 'given' | 'held-up' | 'keys' {
    if (this.epoch === null) return 'held-up';
    const { now } = this.world.timeline;
    const { granted, outcome, readyAt } = this.allocator.handOut(rows, now);
    const urgencyOfRow = (holder: SlotHolder): number =>
      rows.find((row) => row.delegationId === holder.delegationId && row.stepId === holder.stepId)?.urgency ?? 0;
    for (const holder of granted) {
      const row = rows.find(({ delegationId, stepId }) => delegationId === holder.delegationId && stepId === holder.stepId);
      if (row) this.world.guards.granted(this.allocator, row, this.engine.policy, now);
    }
    const mayHoldRetries = this.mayHoldRetries(capability);
    for (const holder of granted) {
      const given = { ...holder, urgency: urgencyOfRow(holder), mayHoldRetries };
      this.world.invariants.granted(this.world.log, this.allocator, given, this.engine.policy, now);
    }
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
    if (this.epoch === null) {
      this.allocator.takeOver(timeline.now);
      this.world.guards.tookOver(this.allocator);
    }
    if (fresh) this.epoch = null;
    const readAt = timeline.now;
    yield network.latency(`slots ${name} ${timeline.now}`);
    const stored = [...log.slots.values()];
    yield network.latency(`answer ${name} ${timeline.now}`);
    if (sabotage !== 'leak') this.allocator.reconcile(stored, readAt, fresh);
    this.epoch = epoch;
    for (const { capability } of log.waiting.values()) this.queues.add(capability);
    this.allocator.sweepRates(TENANT, readAt);
    this.allocator.sweepCounts(readAt);
    for (const { kind, name: of, capability } of this.engine.policy.guards.breakers.values())
      this.world.change({ type: 'try-breaker', kind, name: of, capability });
    this.pumpAll();
  }

  private stepDown(): void {
    this.epoch = null;
    this.queues.clear();
  }
}
