/** The single writer of a delegation, as DelegationWriter: loads, decides, asks for slots, appends. What is decided comes from the real rules. */
import {
  approvalSubject,
  concurrencyKeyOf,
  decide,
  endedAttempts,
  evolve,
  needOf,
  nextWakeAt,
  notHeld,
  placeSteps,
  type Delegation,
  type DelegationDecisionCommand,
  type DelegationEvent,
  type HeldSlot,
  type Placed,
  type Step,
} from '@mandate/delegation';
import { AppError, canonicalJson } from '@mandate/kernel';
import { PRIORITIES, urgencyOf } from '@mandate/scheduling';
import type { SimEngine } from './engine.js';
import { partitionOf, type Append } from './log.js';
import { tenantOf } from './scenario.js';
import type { SimGrant } from './scheduler.js';
import type { Process } from './timeline.js';
import type { World } from './world.js';

export interface Entry {
  id: string;
  state: Delegation;
  version: number;
  waiting: Set<string>;
}

/** The log moved, or does not answer: the work is done again by whoever owns it then. */
export class Again extends Error {}

export class SimWriter {
  private readonly entries = new Map<string, Entry>();
  private readonly doubtful = new Map<string, readonly SimGrant[]>();
  private appends = 0;

  constructor(
    private readonly world: World,
    private readonly engine: SimEngine,
  ) {}

  *load(id: string): Process<Entry> {
    const known = this.entries.get(id);
    if (known) return known;
    yield 1;
    const entry = this.read(id);
    yield 1;
    this.giveBack(entry, this.doubtful.get(id) ?? []);
    this.doubtful.delete(id);
    if (entry.state.status !== 'active') return entry;
    this.entries.set(id, entry);
    this.engine.dispatcher.loaded(entry);
    return entry;
  }

  /** To look at only: it may be another engine's. */
  read(id: string): Entry {
    const { log, network } = this.world;
    if (network.isCut(this.engine.name, 'database')) throw new Again('the log does not answer');
    const { state, version } = log.stream(id);
    const waiting = new Set([...log.waiting.values()].filter(({ delegationId }) => delegationId === id).map(({ stepId }) => stepId));
    return { id, state, version, waiting };
  }

  forget(id: string): void {
    this.entries.delete(id);
  }

  forgetUnless(mine: (id: string) => boolean): void {
    for (const id of this.entries.keys()) if (!mine(id)) this.forget(id);
  }

  *apply(entry: Entry, command: DelegationDecisionCommand, given: readonly SimGrant[] = []): Process {
    yield* this.commit(entry, bound(entry, this.world.decided(decide(command, entry.state))), given);
  }

  /** A refusal rests on a state that the log has to confirm first. */
  *applyOrConfirm(entry: Entry, command: DelegationDecisionCommand): Process {
    try {
      yield* this.apply(entry, command);
    } catch (error) {
      if (error instanceof AppError && error.kind !== 'unavailable') yield* this.commit(entry, [], []);
      throw error;
    }
  }

  /** A grant of a waiting step came. */
  dispatchWaiting(entry: Entry, grant: SimGrant): Process {
    return this.commit(entry, [], [grant]);
  }

  *commit(entry: Entry, decided: DelegationEvent[], given: readonly SimGrant[]): Process {
    const { timeline, log, network } = this.world;
    const { id } = entry;
    const { now } = timeline;
    const before = entry.state;
    const placed = yield* this.place(entry, decided, given, now);
    const { events, grants } = placed;
    const isOfGrant = given.length > 0 && decided.length === 0;
    if (isOfGrant && changesNothing(placed)) return;
    const append = this.appendOf(entry, placed, now);
    const name = `${id} ${entry.version} ${this.appends++}`;
    yield network.latency(`append ${name}`);
    const outcome = network.isCut(this.engine.name, 'database') ? 'unknown' : log.append({ ...append, now: timeline.now });
    this.world.trace(() => `${this.engine.name} ${id}: ${[...traceOf(placed), outcome].join(', ')}`);
    yield network.latency(`appended ${name}`);
    if (outcome === 'unknown' || network.isCut(this.engine.name, 'database')) {
      this.doubtful.set(id, grants);
      this.forget(id);
      this.engine.lostTrack(id);
      throw new Again('the log does not answer');
    }
    if (outcome === 'SCHEDULER_FENCED') {
      if (grants[0]) this.engine.scheduler.tell({ kind: 'refused', schedulerEpoch: grants[0].schedulerEpoch });
      if (isOfGrant) return;
      if (!decided.some(({ type }) => type === 'stepdispatched')) return yield* this.commit(entry, decided, []);
      this.forget(id);
      throw new Again(outcome);
    }
    if (outcome !== 'ok') {
      this.giveBack(entry, grants);
      this.forget(id);
      throw new Again(outcome);
    }
    this.committed(entry, before, placed);
    this.engine.dispatcher.committed(entry, before, placed.after, events);
    this.engine.hint(id, this.wakeAt(placed.after, now));
  }

  private wakeAt(state: Delegation, now: number): number | null {
    return nextWakeAt(state, this.world.sabotage === 'busy-wakes' ? 0 : now);
  }

  private *place(entry: Entry, decided: DelegationEvent[], given: readonly SimGrant[], now: number): Process<Placed<SimGrant>> {
    const { id, state, waiting } = entry;
    const at = this.world.sabotage === 'too-early' ? now + 60_000 : now;
    const priority = 'priority' in state ? state.priority : priorityOf(decided);
    const wanted = { tenant: tenantOf(id), delegationId: id, except: null, priority };
    const placing = placeSteps(state, { id, decided, given, waiting, now: at });
    let next = placing.next();
    while (!next.done) next = placing.next(yield* this.engine.scheduler.acquire({ ...wanted, ...next.value }));
    if (next.value.unused.length > 0) this.engine.scheduler.tell({ kind: 'unused', grants: next.value.unused });
    return next.value;
  }

  private appendOf({ id, version }: Entry, placed: Placed<SimGrant>, now: number): Append {
    const { after, grants } = placed;
    const tenant = tenantOf(id);
    const steps = 'steps' in after ? after.steps : {};
    const key = concurrencyKeyOf(after);
    const partitionEpoch = this.engine.epochOf(partitionOf(id));
    if (partitionEpoch === undefined) {
      this.giveBack({ id, version, state: after, waiting: new Set() }, grants);
      throw new Again('another engine owns it');
    }
    return {
      id,
      expected: version,
      events: placed.events,
      wakeAt: this.wakeAt(after, now),
      partitionEpoch,
      schedulerEpoch: grants[0]?.schedulerEpoch ?? null,
      acquire: grants.map(({ stepId, attempt, lease, instance, capability }) => ({
        tenant,
        delegationId: id,
        stepId,
        attempt,
        lease,
        instance,
        capability,
        key,
      })),
      release: placed.released.map(({ stepId }) => stepId),
      waitingAdd: placed.waitingAdded.map((stepId) => ({
        tenant,
        delegationId: id,
        stepId,
        attempt: (steps[stepId]?.attempt ?? 0) + 1,
        lease: 1,
        ...needOf(steps[stepId] as Step, after),
        urgency: urgencyOf(now, 'priority' in after ? after.priority : PRIORITIES.default),
      })),
      waitingRemove: placed.waitingRemoved,
      now,
    };
  }

  private committed(entry: Entry, before: Delegation, placed: Placed<SimGrant>): void {
    const { scheduler } = this.engine;
    const { after, grants, waitingAdded } = placed;
    const tenant = tenantOf(entry.id);
    entry.state = after;
    entry.version += placed.events.length;
    for (const stepId of waitingAdded) entry.waiting.add(stepId);
    for (const stepId of placed.waitingRemoved) entry.waiting.delete(stepId);
    const holder = (slot: HeldSlot): SimGrant => ({ tenant, delegationId: entry.id, ...slot, effects: 'none', schedulerEpoch: 0 });
    if (grants.length > 0) scheduler.tell({ kind: 'confirmed', holders: grants });
    const outcomes = endedAttempts(before, placed.events).map((ended) => ({ tenant, delegationId: entry.id, ...ended }));
    if (outcomes.length > 0) scheduler.tell({ kind: 'ended', outcomes });
    if (placed.released.length > 0) scheduler.tell({ kind: 'freed', holders: placed.released.map(holder) });
    if (waitingAdded.length > 0 && 'steps' in after) {
      const { steps } = after;
      scheduler.tell({
        kind: 'waiting',
        queues: waitingAdded.map((stepId) => ({ tenant, capability: steps[stepId]?.plan.capability ?? '' })),
      });
    }
    if (after.status === 'active') this.entries.set(entry.id, entry);
    else this.forget(entry.id);
  }

  private giveBack(entry: Entry, grants: readonly SimGrant[]): void {
    const unused = notHeld(entry.state, grants);
    if (unused.length > 0) this.engine.scheduler.tell({ kind: 'unused', grants: unused });
  }
}

const priorityOf = (decided: readonly DelegationEvent[]): number => {
  const requested = decided.find((event) => event.type === 'requested');
  return requested?.data.priority ?? PRIORITIES.default;
};

const changesNothing = ({ events, waitingAdded, waitingRemoved }: Placed<SimGrant>): boolean =>
  events.length === 0 && waitingAdded.length === 0 && waitingRemoved.length === 0;

/** What is asked to be approved, in the place of a digest of it. */
export const digestOf = (state: Delegation, scope: Parameters<typeof approvalSubject>[1]): string =>
  state.status === 'active' ? canonicalJson(approvalSubject(state, scope)) : '';

/** As bindApprovals. */
const bound = ({ id, state: before }: Entry, events: DelegationEvent[]): DelegationEvent[] => {
  let state = before;
  return events.map((event) => {
    const put = event.type === 'approvalrequested' ? { ...event, data: { ...event.data, digest: digestOf(state, event.data) } } : event;
    state = evolve(state, put, id);
    return put;
  });
};

const traceOf = ({ events, waitingAdded, grants }: Placed<SimGrant>): string[] => [
  ...events.map(textOf),
  ...waitingAdded.map((stepId) => `${stepId} waits`),
  ...grants.map((grant) => `granted ${grant.stepId} ${grant.instance} by ${grant.schedulerEpoch}`),
];

const textOf = ({ type, data }: DelegationEvent): string =>
  'stepId' in data && data.stepId !== undefined
    ? `${type} ${data.stepId}${'attempt' in data ? `/${data.attempt}` : ''}${'instance' in data ? ` ${data.instance}` : ''}`
    : type;
