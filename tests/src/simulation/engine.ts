/** An engine's shell over virtual time: lanes, the writer, ticks. What is decided comes from the real decide, evolve and placeSteps. */
import {
  decide,
  endedAttempts,
  needOf,
  nextWakeAt,
  notHeld,
  placeSteps,
  type Delegation,
  type DelegationDecisionCommand,
  type DelegationEvent,
  type HeldSlot,
} from '@mandate/delegation';
import { AppError } from '@mandate/kernel';
import { evolvePolicy, OPEN_POLICY, PRIORITIES, urgencyOf, type Policy, type PolicyEvent, type Worker } from '@mandate/scheduling';
import { SimDispatcher } from './dispatcher.js';
import { partitionOf } from './log.js';
import { AGENTS, SECOND, TENANT } from './scenario.js';
import { SimScheduler, type SimGrant } from './scheduler.js';
import type { Process } from './timeline.js';
import type { World } from './world.js';

export interface Entry {
  id: string;
  state: Delegation;
  version: number;
  waiting: Set<string>;
}

/** Null: there is nothing to do. */
export type Work = (entry: Entry) => Process | null;

const LOST_AFTER_MS = 15 * SECOND;

/** The log moved, or does not answer: the work is done again by whoever owns it then. */
class Again extends Error {}

export class SimEngine {
  alive = false;
  policy: Policy = OPEN_POLICY;
  scheduler!: SimScheduler;
  dispatcher!: SimDispatcher;
  readonly seen = new Map<string, number>();
  readonly suspect = new Set<string>();
  private life = 0;
  private partitions = new Map<number, number>();
  private entries = new Map<string, Entry>();
  private lanes = new Map<string, Process[]>();
  private lost = new Set<string>();
  private readonly hints = new Map<string, number>();
  private readonly doubtful = new Map<string, readonly SimGrant[]>();

  constructor(
    readonly world: World,
    readonly name: string,
  ) {}

  start(): void {
    const { timeline, workers } = this.world;
    this.life++;
    this.alive = true;
    this.scheduler = new SimScheduler(this.world, this);
    this.dispatcher = new SimDispatcher(this.world, this);
    this.partitions = new Map();
    this.entries = new Map();
    this.lanes = new Map();
    this.lost = new Set();
    this.doubtful.clear();
    this.hints.clear();
    this.policy = this.world.policy;
    for (const { spec } of workers) this.seen.set(spec.instance, timeline.now);
    this.run(this.ticks());
    this.run(this.scheduling());
  }

  crash(): void {
    this.alive = false;
    this.life++;
  }

  run(process: Process): void {
    const { life } = this;
    this.world.timeline.run(process, () => this.life === life);
  }

  policyChanged(event: PolicyEvent): void {
    this.policy = evolvePolicy(this.policy, event);
    this.scheduler.allocator.policyChanged(TENANT, event);
    this.scheduler.pumpAll();
    if (event.type === 'workermoded' && event.data.mode === 'quarantined') this.dispatcher.takeAway(event.data.instance);
  }

  workersFor(capability: string): Worker[] {
    return this.world.workers.flatMap(({ spec: { instance, capabilities } }) => {
      const concurrency = capabilities[capability]?.concurrency;
      return concurrency !== undefined && this.isOnline(instance) ? [{ instance, name: instance, concurrency }] : [];
    });
  }

  private isOnline(instance: string): boolean {
    return !this.suspect.has(instance) && this.world.timeline.now - (this.seen.get(instance) ?? 0) < LOST_AFTER_MS;
  }

  private *ticks(): Process {
    const { log, network, timeline } = this.world;
    yield Math.floor(network.draw(`tick ${this.name}`) * SECOND);
    for (;;) {
      if (!network.isCut(this.name, 'database')) {
        this.ownPartitions(log.claimPartitions(this.name, timeline.now));
        if (this.world.sabotage !== 'no-wakes')
          for (const id of log.due(timeline.now, (partition) => this.partitions.has(partition))) this.wake(id);
        const again = this.lost;
        this.lost = new Set();
        for (const id of again) this.tend(id, () => null);
      }
      this.dispatcher.endLostLeases();
      yield SECOND;
    }
  }

  private *scheduling(): Process {
    yield Math.floor(this.world.network.draw(`schedule ${this.name}`) * SECOND);
    for (;;) {
      yield* this.scheduler.tick();
      yield SECOND;
    }
  }

  private ownPartitions(owned: Map<number, number>): void {
    const gained = [...owned].filter(([partition, epoch]) => this.partitions.get(partition) !== epoch).map(([partition]) => partition);
    for (const [id] of this.entries) if (owned.get(partitionOf(id)) !== this.partitions.get(partitionOf(id))) this.forget(id);
    this.dispatcher.keepOnly((id) => owned.has(partitionOf(id)) && !gained.includes(partitionOf(id)));
    this.partitions = owned;
    for (const { delegationId } of this.world.log.slots.values())
      if (gained.includes(partitionOf(delegationId))) this.tend(delegationId, () => null);
  }

  owns(id: string): boolean {
    return this.partitions.has(partitionOf(id));
  }

  /** One after another for a delegation. What fails is found again. */
  tend(id: string, work: Work): void {
    const lane = this.lanes.get(id) ?? [];
    lane.push(this.tended(id, work));
    if (this.lanes.has(id)) return;
    this.lanes.set(id, lane);
    this.run(this.lane(id, lane));
  }

  private *lane(id: string, lane: Process[]): Process {
    for (let next = lane.shift(); next; next = lane.shift()) yield* next;
    this.lanes.delete(id);
  }

  private *tended(id: string, work: Work): Process {
    if (!this.owns(id)) return;
    try {
      const process = work(yield* this.load(id));
      if (process) yield* process;
    } catch (error) {
      if (error instanceof Again) this.lost.add(id);
      else if (!(error instanceof AppError)) throw error;
    }
  }

  private *load(id: string): Process<Entry> {
    const known = this.entries.get(id);
    if (known) return known;
    const { log, network } = this.world;
    yield 1;
    if (network.isCut(this.name, 'database')) throw new Again('the log does not answer');
    const { state, version } = log.stream(id);
    const waiting = new Set([...log.waiting.values()].filter(({ delegationId }) => delegationId === id).map(({ stepId }) => stepId));
    const entry = { id, state, version, waiting };
    yield 1;
    this.giveBack(entry, this.doubtful.get(id) ?? []);
    this.doubtful.delete(id);
    if (state.status !== 'active') return entry;
    this.entries.set(id, entry);
    this.dispatcher.loaded(entry);
    return entry;
  }

  private forget(id: string): void {
    this.entries.delete(id);
  }

  *apply(entry: Entry, command: DelegationDecisionCommand, given: readonly SimGrant[] = []): Process {
    yield* this.commit(entry, decide(command, entry.state), given);
  }

  /** As DelegationWriter.commit. */
  *commit(entry: Entry, decided: DelegationEvent[], given: readonly SimGrant[]): Process {
    const { timeline, log, network } = this.world;
    const { id, waiting } = entry;
    const { now } = timeline;
    const before = entry.state;
    const placing = placeSteps(before, { id, decided, given, waiting, now });
    const priority = 'priority' in before ? before.priority : priorityOf(decided);
    let next = placing.next();
    while (!next.done) next = placing.next(yield* this.scheduler.acquire({ tenant: TENANT, delegationId: id, ...next.value, priority }));
    const placed = next.value;
    if (placed.unused.length > 0) this.scheduler.tell({ kind: 'unused', grants: placed.unused });
    const { after, events, grants } = placed;
    const steps = 'steps' in after ? after.steps : {};
    const key = 'concurrencyKey' in after ? after.concurrencyKey : null;
    const urgency = urgencyOf(now, 'priority' in after ? after.priority : PRIORITIES.default);
    const partitionEpoch = this.partitions.get(partitionOf(id));
    if (partitionEpoch === undefined) {
      this.giveBack(entry, grants);
      throw new Again('another engine owns it');
    }
    yield network.latency(`append ${id} ${entry.version}`);
    const isCut = network.isCut(this.name, 'database');
    const outcome = isCut
      ? 'unknown'
      : log.append({
          id,
          expected: entry.version,
          events,
          wakeAt: nextWakeAt(after, now),
          partitionEpoch,
          schedulerEpoch: grants[0]?.schedulerEpoch ?? null,
          acquire: grants.map((grant) => ({
            tenant: TENANT,
            delegationId: id,
            stepId: grant.stepId,
            attempt: grant.attempt,
            lease: grant.lease,
            instance: grant.instance,
            capability: grant.capability,
            key,
          })),
          release: placed.released.map(({ stepId }) => stepId),
          waitingAdd: placed.waitingAdded.flatMap((stepId) => {
            const step = steps[stepId];
            const named = { tenant: TENANT, delegationId: id, stepId, lease: 1, urgency };
            return step ? [{ ...named, attempt: step.attempt + 1, ...needOf(step, after) }] : [];
          }),
          waitingRemove: placed.waitingRemoved,
          now: timeline.now,
        });
    this.world.trace(
      () =>
        `${this.name} ${id}: ${[...events.map(textOf), ...placed.waitingAdded.map((stepId) => `${stepId} waits`), ...grants.map((grant) => `granted ${grant.stepId} ${grant.instance} by ${grant.schedulerEpoch}`), outcome].join(', ')}`,
    );
    yield network.latency(`appended ${id} ${entry.version}`);
    if (outcome === 'unknown' || network.isCut(this.name, 'database')) {
      this.lostTrack(entry, grants);
      throw new Again('the log does not answer');
    }
    if (outcome !== 'ok') {
      if (outcome !== 'SCHEDULER_FENCED') this.giveBack(entry, grants);
      else if (grants[0]) this.scheduler.tell({ kind: 'refused', schedulerEpoch: grants[0].schedulerEpoch });
      if (outcome === 'SCHEDULER_FENCED' && !decided.some(({ type }) => type === 'stepdispatched'))
        return yield* this.commit(entry, decided, []);
      this.forget(id);
      throw new Again(outcome);
    }
    entry.state = after;
    entry.version += events.length;
    for (const stepId of placed.waitingAdded) entry.waiting.add(stepId);
    for (const stepId of placed.waitingRemoved) entry.waiting.delete(stepId);
    const holder = (slot: HeldSlot): SimGrant => ({
      tenant: TENANT,
      delegationId: id,
      ...slot,
      effects: 'none',
      schedulerEpoch: 0,
    });
    if (grants.length > 0) this.scheduler.tell({ kind: 'confirmed', holders: grants });
    const outcomes = endedAttempts(before, events).map((ended) => ({ tenant: TENANT, delegationId: id, ...ended }));
    if (outcomes.length > 0) this.scheduler.tell({ kind: 'ended', outcomes });
    if (placed.released.length > 0) this.scheduler.tell({ kind: 'freed', holders: placed.released.map(holder) });
    if (placed.waitingAdded.length > 0)
      this.scheduler.tell({ kind: 'waiting', capabilities: placed.waitingAdded.map((stepId) => steps[stepId]?.plan.capability ?? '') });
    if (after.status === 'active') this.entries.set(id, entry);
    else this.forget(id);
    this.dispatcher.committed(entry, before, after, events);
    this.hint(id, nextWakeAt(after, now));
  }

  private giveBack(entry: Entry, grants: readonly SimGrant[]): void {
    const unused = notHeld(entry.state, grants);
    if (unused.length > 0) this.scheduler.tell({ kind: 'unused', grants: unused });
  }

  private lostTrack(entry: Entry, grants: readonly SimGrant[]): void {
    this.doubtful.set(entry.id, grants);
    this.forget(entry.id);
    this.lost.add(entry.id);
  }

  private hint(id: string, at: number | null): void {
    const { timeline, sabotage } = this.world;
    if (at === null || at - timeline.now > 2 * SECOND || (this.hints.get(id) ?? Infinity) <= at || sabotage === 'no-wakes') return;
    const { life } = this;
    this.hints.set(id, at);
    timeline.at(at, () => {
      if (this.life !== life || this.hints.get(id) !== at) return;
      this.hints.delete(id);
      this.wake(id);
    });
  }

  private wake(id: string): void {
    const { timeline, network } = this.world;
    this.tend(id, (entry) => {
      if (entry.state.status !== 'active') return null;
      const { now } = timeline;
      const away = new Set(AGENTS.map(({ capability }) => capability).filter((capability) => this.workersFor(capability).length === 0));
      return this.apply(entry, { type: 'wake', capabilitiesAway: away, agents: AGENTS, jitter: network.draw(`wake ${id} ${now}`), now });
    });
  }

  /** What the scheduler counts; nothing where it does not lead. */
  get slotsCounted(): number {
    return this.alive && this.scheduler.epoch !== null ? this.scheduler.allocator.occupancy.size : 0;
  }

  heard(instance: string, leases: ReadonlySet<string>, isFirst: boolean): void {
    const wasAway = !this.isOnline(instance);
    this.seen.set(instance, this.world.timeline.now);
    this.suspect.delete(instance);
    this.dispatcher.heartbeat(instance, leases, isFirst);
    if (this.scheduler.epoch !== null) this.dispatcher.disown(instance, leases);
    if (wasAway) this.scheduler.pumpAll();
  }
}

const priorityOf = (decided: readonly DelegationEvent[]): number => {
  const requested = decided.find((event) => event.type === 'requested');
  return requested?.data.priority ?? PRIORITIES.default;
};

const textOf = ({ type, data }: DelegationEvent): string =>
  'stepId' in data && data.stepId !== undefined
    ? `${type} ${data.stepId}${'attempt' in data ? `/${data.attempt}` : ''}${'instance' in data ? ` ${data.instance}` : ''}`
    : type;
