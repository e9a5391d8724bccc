/** An engine's shell over virtual time: lanes, partitions, ticks, what it knows of policies and workers. */
import type { Policy, PolicyEvent, Worker } from '@mandate/scheduling';
import { AppError } from '@mandate/kernel';
import { SimChildren } from './children.js';
import { SimDispatcher } from './dispatcher.js';
import { partitionOf } from './log.js';
import { AGENTS, SECOND, tenantOf } from './scenario.js';
import { SimScheduler } from './scheduler.js';
import type { Process } from './timeline.js';
import type { World } from './world.js';
import { Again, SimWriter, type Entry } from './writer.js';

/** Null: there is nothing to do. */
export type Work = (entry: Entry) => Process | null;

const LOST_AFTER_MS = 15 * SECOND;

export class SimEngine {
  alive = false;
  scheduler!: SimScheduler;
  dispatcher!: SimDispatcher;
  children!: SimChildren;
  writer!: SimWriter;
  readonly seen = new Map<string, number>();
  readonly suspect = new Set<string>();
  private life = 0;
  private partitions = new Map<number, number>();
  private lanes = new Map<string, Process[]>();
  private lost = new Set<string>();
  private readonly inHand = new Set<string>();
  private readonly waking = new Set<string>();
  private readonly hints = new Map<string, number>();
  private readonly versions = new Map<string, number>();
  private readonly unread = new Set<string>();

  constructor(
    readonly world: World,
    readonly name: string,
  ) {}

  start(): void {
    const { timeline, workers, policies } = this.world;
    this.life++;
    this.alive = true;
    this.scheduler = new SimScheduler(this.world, this);
    this.dispatcher = new SimDispatcher(this.world, this);
    this.writer = new SimWriter(this.world, this);
    this.children = new SimChildren(this.world, this);
    this.partitions = new Map();
    this.lanes = new Map();
    this.lost = new Set();
    for (const known of [this.inHand, this.waking, this.hints, this.unread, this.suspect]) known.clear();
    for (const tenant of policies.tenants) this.versions.set(tenant, policies.versionOf(tenant));
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

  policyOf(tenant: string): Policy {
    return this.world.policies.at(tenant, this.versions.get(tenant) ?? 0);
  }

  /** News of a policy, or a guess that there may be some. They are read from the log. */
  catchUp(tenant: string): void {
    if (!this.alive) return;
    const { network, policies, sabotage } = this.world;
    if (network.isCut(this.name, 'database')) {
      if (sabotage !== 'forgets-news') this.unread.add(tenant);
      return;
    }
    const known = this.versions.get(tenant) ?? 0;
    this.versions.set(tenant, policies.versionOf(tenant));
    for (const event of policies.after(tenant, known)) this.policyChanged(tenant, event);
  }

  private policyChanged(tenant: string, event: PolicyEvent): void {
    this.scheduler.allocator.policyChanged(tenant, event);
    this.scheduler.policyChanged(tenant);
    if (event.type === 'workermoded' && event.data.mode === 'quarantined') this.dispatcher.takeAwayQuarantined();
  }

  workersFor(tenant: string, capability: string): Worker[] {
    return this.world.workers.flatMap(({ spec: { instance, capabilities } }) => {
      const concurrency = capabilities[capability]?.concurrency;
      const fits = tenantOf(instance) === tenant && concurrency !== undefined && this.isOnline(instance);
      return fits ? [{ instance, name: instance, concurrency }] : [];
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
        const unread = [...this.unread];
        this.unread.clear();
        for (const tenant of unread) this.catchUp(tenant);
      }
      this.dispatcher.endLostLeases();
      if (this.world.sabotage !== 'quarantine-once') this.dispatcher.takeAwayQuarantined();
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
    const keeps = (id: string): boolean => owned.has(partitionOf(id)) && !gained.includes(partitionOf(id));
    this.writer.forgetUnless(keeps);
    this.dispatcher.keepOnly(keeps);
    this.partitions = owned;
    for (const { delegationId } of this.world.log.slots.values())
      if (gained.includes(partitionOf(delegationId))) this.tend(delegationId, () => null);
  }

  owns(id: string): boolean {
    return this.partitions.has(partitionOf(id));
  }

  epochOf(partition: number): number | undefined {
    return this.partitions.get(partition);
  }

  /** Redeliveries of what is in hand are not taken twice. */
  take(message: string, id: string, work: Work, failed: () => void): void {
    if (this.inHand.has(message)) return;
    this.inHand.add(message);
    this.tend(id, work, (error) => {
      this.inHand.delete(message);
      if (error) failed();
    });
  }

  /** One after another for a delegation. What fails is found again. */
  tend(id: string, work: Work, settled: (error: unknown) => void = () => undefined): void {
    const lane = this.lanes.get(id) ?? [];
    lane.push(this.tended(id, work, settled));
    if (this.lanes.has(id)) return;
    this.lanes.set(id, lane);
    this.run(this.lane(id, lane));
  }

  private *lane(id: string, lane: Process[]): Process {
    for (let next = lane.shift(); next; next = lane.shift()) yield* next;
    this.lanes.delete(id);
  }

  private *tended(id: string, work: Work, settled: (error: unknown) => void): Process {
    if (!this.owns(id)) return settled(new Again('another engine owns it'));
    try {
      const process = work(yield* this.writer.load(id));
      if (process) yield* process;
      settled(null);
    } catch (error) {
      if (error instanceof Again) this.lost.add(id);
      else if (!(error instanceof AppError)) throw error;
      settled(error);
    }
  }

  lostTrack(id: string): void {
    this.lost.add(id);
  }

  hint(id: string, at: number | null): void {
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
    if (this.waking.has(id)) return;
    this.waking.add(id);
    const { timeline, network } = this.world;
    const wake: Work = (entry) => {
      if (entry.state.status !== 'active') return null;
      const { now } = timeline;
      const away = new Set(
        AGENTS.map(({ capability }) => capability).filter((capability) => this.workersFor(tenantOf(id), capability).length === 0),
      );
      return this.writer.apply(entry, {
        type: 'wake',
        capabilitiesAway: away,
        agents: AGENTS,
        jitter: network.draw(`wake ${id} ${now}`),
        now,
      });
    };
    this.tend(id, wake, () => this.waking.delete(id));
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
    if (wasAway) this.scheduler.policyChanged(tenantOf(instance));
  }
}
