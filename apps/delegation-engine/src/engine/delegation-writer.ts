/**
 * The single writer of a delegation: decides, asks for slots, appends, and only then lets anything out.
 * Callers run it inside the delegation's lane, so that state in memory and log never diverge.
 */
import {
  decide,
  endedAttempts,
  initial,
  needOf,
  nextWakeAt,
  notHeld,
  placeSteps,
  type Delegation,
  type DelegationDecisionCommand,
  type DelegationEvent,
  type HeldSlot,
  type Placed,
} from '@mandate/delegation';
import type { Actor, AppendEntry, AppendResult, EventStore, Keyring } from '@mandate/event-store';
import { AppError, isRetryable, type Clock } from '@mandate/kernel';
import { PRIORITIES, urgencyOf, type SlotHolder } from '@mandate/scheduling';
import { bindApprovals } from './approvals.js';
import type { Ownership } from './partitions.js';
import type { Scheduler } from './scheduler.js';
import type { Grant } from './grants.js';
import { fold, newEvent } from './recorded.js';
import { workDigestWith } from './work-digest.js';

export interface Entry {
  readonly tenant: string;
  readonly id: string;
  readonly partition: number;
  state: Delegation;
  version: number;
  /** Keyed digest of the request's body; null when only a rejection stands in the stream. */
  digest: Buffer | null;
  traceparent: string;
  /** Bytes of the messages that made the state, about: what keeping it in memory costs. */
  weight: number;
  /** Steps that stand in `es.waiting`. */
  waiting: Set<string>;
}

/** Where a command came from: the audit fields of what it makes happen. */
export interface Origin {
  actor: Actor;
  causationId: string;
  traceparent: string;
  dataSubject?: string;
  /** Size of the message that brought the command. */
  bytes?: number;
  request?: NonNullable<AppendEntry['request']>;
}

export interface Transition {
  before: Delegation;
  after: Delegation;
  events: DelegationEvent[];
  /** When it next needs attention although no message comes. */
  wakeAt: number | null;
}

/** The log moved without us: another engine owns the partition now. The message comes again, to its new owner. */
export class StaleWriterError extends Error {
  override readonly name = 'StaleWriterError';
}

/** The scheduler that granted a slot was replaced before the append: the dispatch has to be decided again. */
export class StaleGrantError extends AppError {
  constructor() {
    super('STALE_GRANT', 'unavailable', 'the slot was granted by a scheduler that was replaced');
  }
}

/** What the writer tells the rest of the engine. Called inside the delegation's lane, and must not wait. */
export interface WriterListener {
  committed(entry: Entry, transition: Transition): void;
  /** Read from the log: whatever runs there is perhaps unknown to this engine. */
  loaded(entry: Entry): void;
  /** Whether an append was made is unknown: the delegation has to be loaded again. */
  lostTrack(tenant: string, id: string): void;
}

/** How much of running delegations is kept in memory; the others are read again when something happens to them. */
const CACHE_BYTES = 128 * 1024 ** 2;
/** A delegation's state without its texts, about. */
const ENTRY_BYTES = 4_096;

export class DelegationWriter {
  /** Least recently written first. */
  private readonly entries = new Map<string, Entry>();
  private readonly weighed = new Map<Entry, number>();
  private weight = 0;
  /** Grants of appends of which nobody knows whether they were made: given back once the log says that they were not. */
  private readonly doubtful = new Map<string, readonly Grant[]>();

  constructor(
    private readonly store: EventStore,
    private readonly scheduler: Scheduler,
    private readonly ownership: Ownership,
    private readonly clock: Clock,
    private readonly listener: WriterListener,
    private readonly keyring: Keyring,
  ) {}

  /** The delegation as the log has it; from memory when this engine wrote it last. */
  async load(tenant: string, id: string): Promise<Entry> {
    const cached = this.entries.get(keyOf(tenant, id));
    if (cached) return cached;
    this.ownership.fence(this.ownership.partitionOf(id));
    const entry = await this.read(tenant, id);
    this.giveBack(notHeld(entry.state, this.doubtful.get(keyOf(tenant, id)) ?? []));
    this.doubtful.delete(keyOf(tenant, id));
    if (entry.state.status !== 'active') return entry;
    this.remember(entry);
    this.listener.loaded(entry);
    return entry;
  }

  /** The delegation as the log has it just now, to look at only: it may be another engine's. */
  async read(tenant: string, id: string): Promise<Entry> {
    const stream = { type: 'delegation', id };
    const found = await this.store.findStream(tenant, stream);
    const entry = this.unwritten(tenant, id);
    if (found) {
      const recorded = await this.store.readStream({ tenant, stream, decrypt: true });
      entry.state = fold(recorded, id);
      entry.weight = JSON.stringify(recorded.map((event) => event.personal)).length;
      entry.version = found.version;
      entry.digest = found.requestDigest;
      entry.traceparent = recorded.at(-1)?.traceparent ?? '';
      entry.waiting = new Set(await this.store.waitingOf(tenant, stream));
    }
    return entry;
  }

  /** An entry for a delegation that is new as far as anyone knows: the append finds out. */
  fresh(tenant: string, id: string): Entry {
    return this.entries.get(keyOf(tenant, id)) ?? this.unwritten(tenant, id);
  }

  private unwritten(tenant: string, id: string): Entry {
    return {
      tenant,
      id,
      partition: this.ownership.partitionOf(id),
      state: initial,
      version: 0,
      digest: null,
      traceparent: '',
      weight: 0,
      waiting: new Set(),
    };
  }

  /** How many running delegations are in memory. */
  get remembered(): number {
    return this.entries.size;
  }

  forget({ tenant, id }: { tenant: string; id: string }): void {
    const key = keyOf(tenant, id);
    const entry = this.entries.get(key);
    if (entry) this.drop(key, entry);
  }

  private drop(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.weight -= this.weighed.get(entry) ?? 0;
    this.weighed.delete(entry);
  }

  forgetPartition(partition: number): void {
    for (const entry of [...this.entries.values()]) if (entry.partition === partition) this.forget(entry);
  }

  /**
   * Decides `command` and makes it so. Nothing is told to anyone before the commit. Throws what `decide` throws, and
   * StaleWriterError when the log has moved. An idempotency answer of the store comes back as it is.
   */
  async apply(
    entry: Entry,
    command: DelegationDecisionCommand,
    origin: Origin,
    given: readonly Grant[] = [],
  ): Promise<Transition | IdempotencyAnswer> {
    const workDigest = workDigestWith(this.keyring, entry.tenant);
    const events = bindApprovals(this.keyring, entry, decide({ ...command, workDigest }, entry.state));
    return this.commit(entry, events, origin, command.now, given);
  }

  /** As `apply`, but a refusal is given only once the log confirmed the state that it rests on: memory may be a stale owner's. */
  async applyOrConfirm(entry: Entry, command: DelegationDecisionCommand, origin: Origin): Promise<void> {
    try {
      await this.apply(entry, command, origin);
    } catch (error) {
      if (error instanceof AppError && !isRetryable(error)) await this.confirm(entry, origin);
      throw error;
    }
  }

  /** Records that a request was refused, when nothing stands in its stream yet. */
  async reject(entry: Entry, event: DelegationEvent, origin: Origin): Promise<void> {
    if (entry.version === 0) await this.commit(entry, [event], origin, event.at, []);
  }

  /** Asks the log whether this engine may still settle messages of the delegation that change nothing. */
  async confirm(entry: Entry, origin: Origin): Promise<void> {
    await this.commit(entry, [], origin, this.clock.now(), []);
  }

  /** Dispatches a waiting step under a slot that came free; gives the slot back when the step no longer waits. */
  async dispatchWaiting(entry: Entry, grant: Grant, origin: Origin): Promise<void> {
    try {
      await this.commit(entry, [], origin, this.clock.now(), [grant]);
    } catch (error) {
      if (!(error instanceof StaleGrantError)) throw error; // the step waits on, for the next scheduler to give it a slot
    }
  }

  private async commit(
    entry: Entry,
    decided: DelegationEvent[],
    origin: Origin,
    now: number,
    given: readonly Grant[],
  ): Promise<Transition | IdempotencyAnswer> {
    const before = entry.state;
    const placed = await this.place(entry, decided, now, given);
    const isOfGrant = given.length > 0 && decided.length === 0;
    if (isOfGrant && changesNothing(placed)) return { before, after: before, events: [], wakeAt: nextWakeAt(before, now) };
    const result = await this.store.append(this.appendEntry(entry, placed, origin, now)).catch((error: unknown) => {
      this.doubtful.set(keyOf(entry.tenant, entry.id), placed.grants);
      this.forget(entry);
      this.listener.lostTrack(entry.tenant, entry.id);
      throw error;
    });
    if (!result.ok) {
      if (result.code === 'SCHEDULER_FENCED') {
        const [grant] = placed.grants;
        if (grant) this.scheduler.tell({ kind: 'refused', schedulerEpoch: grant.schedulerEpoch });
        if (isOfGrant || decided.some((event) => event.type === 'stepdispatched')) throw new StaleGrantError();
        return this.commit(entry, decided, origin, now, []);
      }
      this.giveBack(notHeld(before, placed.grants));
      if (result.code === 'IDEMPOTENT_REPEAT' || result.code === 'IDEMPOTENCY_CONFLICT') return result;
      this.forget(entry);
      throw new StaleWriterError(`${result.code}: ${result.message}`);
    }
    entry.state = placed.after;
    entry.version = result.version;
    entry.weight += origin.bytes ?? 0;
    if (origin.request) entry.digest = origin.request.digest;
    if (placed.events.length > 0) entry.traceparent = origin.traceparent;
    for (const stepId of placed.waitingAdded) entry.waiting.add(stepId);
    for (const stepId of placed.waitingRemoved) entry.waiting.delete(stepId);
    this.settleSlots(entry, before, placed);
    const transition = { before, after: placed.after, events: placed.events, wakeAt: nextWakeAt(placed.after, now) };
    if (placed.after.status === 'active') this.remember(entry);
    else this.forget(entry);
    this.listener.committed(entry, transition);
    return transition;
  }

  /** Completes decided events with the dispatches that free slots allow; what finds no slot goes into the waiting list. */
  private async place(entry: Entry, decided: DelegationEvent[], now: number, given: readonly Grant[]): Promise<Placed<Grant>> {
    const { tenant, id, state, waiting } = entry;
    const placing = placeSteps(state, { id, decided, given, waiting, now });
    let next = placing.next();
    while (!next.done) next = placing.next(await this.scheduler.acquire({ tenant, delegationId: id, ...next.value, except: null }));
    this.giveBack(next.value.unused);
    return next.value;
  }

  private appendEntry(entry: Entry, placed: Placed<Grant>, origin: Origin, now: number): AppendEntry {
    const { after } = placed;
    const wakeAt = nextWakeAt(after, now);
    return {
      tenant: entry.tenant,
      stream: { type: 'delegation', id: entry.id },
      expected: entry.version === 0 ? 'no-stream' : entry.version,
      events: placed.events.map(newEvent),
      actor: origin.actor,
      correlationId: entry.id,
      causationId: origin.causationId,
      traceparent: origin.traceparent,
      ...(origin.dataSubject === undefined ? {} : { dataSubject: origin.dataSubject }),
      partition: this.ownership.fence(entry.partition),
      open: after.status === 'active',
      wakeAt: wakeAt === null ? null : new Date(wakeAt),
      ...(origin.request ? { request: origin.request } : {}),
      slots: {
        ...(placed.grants[0] ? { schedulerEpoch: placed.grants[0].schedulerEpoch } : {}),
        acquire: placed.grants.map(({ stepId, attempt, lease, instance, capability, key }) => ({
          stepId,
          attempt,
          lease,
          instance,
          capability,
          key,
        })),
        release: placed.released.map((slot) => slot.stepId),
      },
      waiting: {
        add: placed.waitingAdded.flatMap((stepId) => {
          const step = 'steps' in after ? after.steps[stepId] : undefined;
          const urgency = urgencyOf(now, 'priority' in after ? after.priority : PRIORITIES.default);
          return step ? [{ stepId, attempt: step.attempt, urgency, ...needOf(step, after) }] : [];
        }),
        remove: placed.waitingRemoved,
      },
    };
  }

  private settleSlots(entry: Entry, before: Delegation, placed: Placed<Grant>): void {
    for (const holder of placed.grants) this.scheduler.tell({ kind: 'confirmed', holder });
    const holder = (slot: HeldSlot): SlotHolder => ({ tenant: entry.tenant, delegationId: entry.id, ...slot });
    const outcomes = endedAttempts(before, placed.events).map((ended) => ({ ...holder(ended), result: ended.result }));
    if (outcomes.length > 0) this.scheduler.tell({ kind: 'ended', outcomes });
    if (placed.released.length > 0) this.scheduler.tell({ kind: 'freed', holders: placed.released.map(holder) });
    if (placed.waitingAdded.length > 0 && 'steps' in placed.after) {
      const { steps } = placed.after;
      const keys = placed.waitingAdded.map((stepId) => ({ tenant: entry.tenant, capability: steps[stepId]?.plan.capability ?? '' }));
      this.scheduler.tell({ kind: 'waiting', keys });
    }
  }

  private giveBack(grants: readonly Grant[]): void {
    if (grants.length > 0) this.scheduler.tell({ kind: 'unused', grants });
  }

  private remember(entry: Entry): void {
    this.forget(entry);
    this.entries.set(keyOf(entry.tenant, entry.id), entry);
    this.weight += entry.weight + ENTRY_BYTES;
    this.weighed.set(entry, entry.weight + ENTRY_BYTES);
    for (const [key, oldest] of this.entries) {
      if (this.weight <= CACHE_BYTES || oldest === entry) break;
      this.drop(key, oldest);
    }
  }
}

/** A grant came twice, or too late: the log need not hear of it. */
const changesNothing = ({ events, waitingAdded, waitingRemoved }: Placed<Grant>): boolean =>
  events.length === 0 && waitingAdded.length === 0 && waitingRemoved.length === 0;

const keyOf = (tenant: string, id: string): string => `${tenant}/${id}`;

type IdempotencyAnswer = Extract<AppendResult, { ok: false }>;
