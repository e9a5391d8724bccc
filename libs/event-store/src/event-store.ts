import { AppError, type Clock } from '@mandate/kernel';
import { AppendCall, type BatchEntry, type EntryOutcome } from './append-call.js';
import { canonicalJson } from './canonical-json.js';
import { Database, type DatabaseOptions } from './database.js';
import { DataKeys, streamKeyOf } from './data-keys.js';
import { GroupCommit } from './group-commit.js';
import type { Keyring } from './keys.js';
import { LruMap } from './lru.js';
import * as ownership from './ownership.js';
import { Pipeline } from './pipeline.js';
import { ANY_VERSION, prepareEntry, STREAM_EXISTS, type PreparedEntry } from './prepare.js';
import * as reads from './reads.js';
import { justRecorded, type Decoder } from './recorded-event.js';
import { isStored } from './reconcile.js';
import * as streams from './streams.js';
import type { AppendEntry, AppendResult, ExpectedVersion, LogHead, RecordedEvent, StreamId, Where } from './types.js';
import { Upcasters, type Upcaster } from './upcasters.js';

export interface EventStoreOptions extends DatabaseOptions {
  keyring: Keyring;
  where: Where;
  /** Decides which timers have passed, and when keys in memory are looked up again; default: the system's. */
  clock?: Clock;
  upcasters?: readonly Upcaster[];
}

/** Events of one batch, in the order of positions, right after their commit. */
export type CommitListener = (events: readonly RecordedEvent[]) => void;

/** The version that the next append without an expected version will expect, counting those under way. */
interface Tail {
  next: number;
}

const SYSTEM: Clock = { now: () => Date.now() };
const REMEMBERED_TAILS = 10_000;
/** Tries for an append that names no version, while others write to the same stream. */
const FLOATING_ATTEMPTS = 100;
/** A partition of es.event is made ahead each time so many events were added. */
const MAINTAIN_EVERY = 1_000_000;

/** Appends to and reads from one log. All methods throw AppError `STORE_UNAVAILABLE` when PostgreSQL does not answer. */
export class EventStore {
  private readonly commits: GroupCommit;
  private readonly decoder: Decoder;
  private readonly where: string;
  private readonly tails = new LruMap<string, Tail>(REMEMBERED_TAILS);
  private readonly preparing = new Map<string, Promise<unknown>>();
  private readonly listeners = new Set<CommitListener>();
  private maintaining: Promise<void> = Promise.resolve();

  private constructor(
    readonly database: Database,
    private readonly pipeline: Pipeline,
    readonly log: string,
    private readonly keys: DataKeys,
    upcasters: Upcasters,
    options: EventStoreOptions,
  ) {
    const clock = options.clock ?? SYSTEM;
    this.where = canonicalJson({ ...options.where });
    this.decoder = { log, upcasters, keys: null };
    this.commits = new GroupCommit(
      new AppendCall(pipeline),
      () => clock.now(),
      (batch, outcomes) => this.afterCommit(batch, outcomes),
    );
  }

  /** Connects and checks that every stored event can be read. Throws AppError `NO_UPCASTER`. */
  static async open(options: EventStoreOptions): Promise<EventStore> {
    const database = new Database(options);
    try {
      const upcasters = new Upcasters(options.upcasters);
      const head = await reads.readHead(database);
      upcasters.assertPaths(await reads.storedTypes(database));
      return new EventStore(
        database,
        new Pipeline(options),
        head.name,
        new DataKeys(database, options.keyring, options.clock ?? SYSTEM),
        upcasters,
        options,
      );
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /**
   * Appends all of `entry` or nothing. A rejection of the promise means that the outcome is unknown, or that the entry cannot be stored at all
   * (AppError of kind `invalid`, `too-large`); after an unknown outcome the very same entry may be appended again: what is stored already is found.
   */
  append(entry: AppendEntry): Promise<AppendResult> {
    const floating = typeof entry.expected !== 'number' && entry.expected !== 'no-stream' && entry.events.length > 0;
    return floating ? this.appendFloating(entry) : this.attempt(entry, entry.expected);
  }

  /** An event's bytes name its version, so an append that expects none has to find one out, and again when another writer was faster. */
  private async appendFloating(entry: AppendEntry): Promise<AppendResult> {
    const key = streamKeyOf(entry.tenant, entry.stream);
    let result: AppendResult | undefined;
    for (let i = 0; i < FLOATING_ATTEMPTS; i++) {
      const tail = this.tails.get(key) ?? (await this.loadTail(key, entry));
      const version = tail.next;
      if (version === 0 && entry.expected === 'stream-exists') {
        this.tails.delete(key);
        return rejection(entry, { ok: false, code: 'VERSION_CONFLICT', currentVersion: 0, existing: null });
      }
      tail.next += entry.events.length;
      result = await this.attempt(entry, version).catch((error: unknown) => {
        this.tails.delete(key);
        throw error;
      });
      if (result.ok) return result;
      // Who is refused first sets the tail right; the others of this process queue up behind it.
      if (this.tails.get(key) === tail) {
        if (result.currentVersion) this.tails.set(key, { next: result.currentVersion });
        else this.tails.delete(key);
      }
      if (result.code !== 'VERSION_CONFLICT') return result;
    }
    return result as AppendResult;
  }

  private async loadTail(key: string, { tenant, stream }: AppendEntry): Promise<Tail> {
    const next = (await this.findStream(tenant, stream))?.version ?? 0;
    const tail = this.tails.get(key) ?? { next };
    this.tails.set(key, tail);
    return tail;
  }

  private async attempt(entry: AppendEntry, expectedVersion: ExpectedVersion): Promise<AppendResult> {
    const expected = expectedNumber(expectedVersion);
    const preparing = this.prepare(entry, expected);
    const prepared = preparing instanceof Promise ? await preparing : preparing;
    const outcome = await this.commits.submit(prepared);
    if (outcome.ok) return accepted(prepared, outcome.firstPosition, outcome.recordedAt, false);
    if (outcome.code === 'STALE_KEY') {
      this.keys.forget(entry.tenant, entry.stream);
      return this.attempt(entry, expected);
    }
    if (prepared.streamKey?.isNew) this.keys.forget(entry.tenant, entry.stream);
    return (await this.reconcile(entry, expected, outcome)) ?? rejection(entry, outcome);
  }

  /** Appends of one stream keep their order even when one has to wait for a key. */
  private prepare(entry: AppendEntry, expected: number): PreparedEntry | Promise<PreparedEntry> {
    const stream = streamKeyOf(entry.tenant, entry.stream);
    const before = this.preparing.size > 0 ? this.preparing.get(stream) : undefined;
    const start = (): PreparedEntry | Promise<PreparedEntry> => prepareEntry(this.log, this.where, this.keys, entry, expected);
    const prepared = before ? before.then(start, start) : start();
    if (prepared instanceof Promise) {
      this.preparing.set(stream, prepared);
      const done = (): void => {
        if (this.preparing.get(stream) === prepared) this.preparing.delete(stream);
      };
      prepared.then(done, done);
    }
    return prepared;
  }

  /** Whether a refused entry is what is stored already: its answer was lost and it came again. */
  private async reconcile(entry: AppendEntry, expected: number, outcome: EntryOutcome & { ok: false }): Promise<AppendResult | null> {
    const { code, currentVersion, existing } = outcome;
    const own =
      code === 'VERSION_CONFLICT' ||
      (code === 'IDEMPOTENT_REPEAT' && existing?.id === entry.stream.id && existing.type === entry.stream.type);
    if (!own || entry.events.length === 0 || currentVersion < expected + entry.events.length) return null;
    await this.keys.load(entry.tenant, entry.stream);
    const prepared = await this.prepare(entry, expected);
    const stored = await isStored(this.database, prepared);
    return stored && accepted(prepared, stored.firstPosition, stored.recordedAt, true);
  }

  private afterCommit(batch: readonly BatchEntry[], outcomes: readonly EntryOutcome[]): void {
    const events: RecordedEvent[] = [];
    batch.forEach((placed, i) => {
      const outcome = outcomes[i] as EntryOutcome;
      if (!outcome.ok) return;
      if (placed.streamKey?.isNew) this.keys.stored(placed.entry.tenant, placed.entry.stream);
      if (this.listeners.size > 0) events.push(...recordedEvents(placed, outcome.firstPosition, outcome.recordedAt));
      const last = outcome.firstPosition + placed.events.length - 1;
      if (Math.floor(last / MAINTAIN_EVERY) !== Math.floor((outcome.firstPosition - 1) / MAINTAIN_EVERY))
        this.maintaining = this.maintain().catch(() => undefined);
    });
    if (events.length > 0) for (const listener of this.listeners) listener(events);
  }

  /** Calls `listener` with what this process appends, after each commit. Returns how to stop that. */
  onCommitted(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Makes partitions of the event table ahead of need. Called by itself every million events; calling it from a schedule too does no harm. */
  async maintain(): Promise<void> {
    await this.database.query({ name: 'es_maintain', text: 'SELECT es.ensure_event_partitions()' });
  }

  readStream(query: reads.ReadStream): Promise<RecordedEvent[]> {
    return reads.readStream(this.database, this.decoderFor(query.decrypt), query);
  }

  readAll(query: reads.ReadAll): Promise<RecordedEvent[]> {
    return reads.readAll(this.database, this.decoderFor(query.decrypt), query);
  }

  head(): Promise<LogHead> {
    return reads.readHead(this.database);
  }

  findStream(tenant: string, stream: StreamId): Promise<streams.StreamRow | null> {
    return streams.findStream(this.database, tenant, stream);
  }

  /** Where a request with this idempotency key was registered, and its digest. */
  findRequest(tenant: string, principal: string, key: string): Promise<streams.RegisteredRequest | null> {
    return streams.findRequest(this.database, tenant, principal, key);
  }

  /** Streams a new owner takes over, in order of id; `after` is the last id of the page before. */
  openStreams(partitions: readonly number[], limit: number, after?: string): Promise<streams.StreamRow[]> {
    return streams.openStreams(this.database, partitions, limit, after);
  }

  /** All streams of an aggregate type of which there are few, page by page. */
  streamsOfType(type: string, limit: number, after?: { tenant: string; id: string }): Promise<streams.StreamRow[]> {
    return streams.streamsOfType(this.database, type, limit, after);
  }

  lastOfType(tenant: string, type: string): Promise<number> {
    return streams.lastOfType(this.database, tenant, type);
  }

  dueTimers(partitions: readonly number[], now: Date, limit: number): Promise<streams.StreamRow[]> {
    return streams.dueTimers(this.database, partitions, now, limit);
  }

  dueSchedules(now: Date, limit: number): Promise<streams.StreamRow[]> {
    return streams.dueSchedules(this.database, now, limit);
  }

  slots(filter?: { instance?: string; partition?: number }): Promise<streams.HeldSlot[]> {
    return streams.slots(this.database, filter);
  }

  /** The most urgent steps, behind `after`; they leave the list with the append that dispatches them. */
  waitingHead(
    tenant: string,
    capability: string,
    limit: number,
    after?: { urgency: number; rank: number },
    which?: streams.WhichWaiting,
  ): Promise<streams.WaitingRow[]> {
    return streams.waitingHead(this.database, tenant, capability, limit, after, which);
  }

  /** The most urgent step of each of up to `limit` keys, and of those without one. */
  waitingKeyHeads(tenant: string, capability: string, limit: number, which?: streams.WhichWaiting): Promise<streams.WaitingRow[]> {
    return streams.waitingKeyHeads(this.database, tenant, capability, limit, which);
  }

  waitingSteps(tenant: string, delegationId: string): Promise<streams.WaitingRow[]> {
    return streams.waitingSteps(this.database, tenant, delegationId);
  }

  /** How many of its capability stand before it, up to a thousand. */
  waitingBefore(row: streams.WaitingRow): Promise<number> {
    return streams.waitingBefore(this.database, row);
  }

  waitingOf(tenant: string, stream: StreamId): Promise<string[]> {
    return streams.waitingOf(this.database, tenant, stream);
  }

  waitingKeys(): Promise<{ tenant: string; capability: string }[]> {
    return streams.waitingKeys(this.database);
  }

  claimPartitions(owner: string, ttlMs: number, wanted?: number): Promise<ownership.OwnedPartition[]> {
    return ownership.claimPartitions(this.database, owner, ttlMs, wanted);
  }

  releasePartitions(owner: string): Promise<void> {
    return ownership.releasePartitions(this.database, owner);
  }

  claimLease(name: string, owner: string, ttlMs: number, options: { raiseEpoch?: boolean } = {}): Promise<{ epoch: number } | null> {
    return ownership.claimLease(this.database, name, owner, ttlMs, options.raiseEpoch);
  }

  releaseLease(name: string, owner: string): Promise<void> {
    return ownership.releaseLease(this.database, name, owner);
  }

  private decoderFor(decrypt: boolean | undefined): Decoder {
    return decrypt ? { ...this.decoder, keys: this.keys } : this.decoder;
  }

  /** After an erasure: keys in memory are looked up again at once. Without it that happens within a minute. */
  forgetKeys(): void {
    this.keys.forgetStored();
  }

  /** Waits for what is under way, then closes the connections. */
  async close(): Promise<void> {
    await this.commits.idle();
    await this.maintaining;
    await this.pipeline.close();
    await this.database.close();
  }
}

const expectedNumber = (expected: ExpectedVersion): number => {
  if (expected === 'no-stream') return 0;
  if (expected === 'stream-exists') return STREAM_EXISTS;
  if (expected === 'any') return ANY_VERSION;
  if (Number.isSafeInteger(expected) && expected >= 0) return expected;
  throw new AppError('INVALID_EVENT', 'invalid', `${expected} is no version: expected is a whole number from 0 on`);
};

const recordedEvents = (placed: PreparedEntry, firstPosition: number, recordedAt: string): RecordedEvent[] =>
  placed.events.map((event, i) => justRecorded(placed, event, firstPosition + i, recordedAt));

const accepted = (prepared: PreparedEntry, firstPosition: number, recordedAt: string, duplicate: boolean): AppendResult => {
  const count = prepared.events.length;
  return {
    ok: true,
    firstPosition: count === 0 ? 0 : firstPosition,
    lastPosition: count === 0 ? 0 : firstPosition + count - 1,
    version: Math.max(0, prepared.expected + count),
    events: recordedEvents(prepared, firstPosition, recordedAt),
    duplicate,
  };
};

const MESSAGES: Record<string, string> = {
  VERSION_CONFLICT: 'the stream has moved',
  FENCED: 'the partition has another owner',
  SCHEDULER_FENCED: 'another scheduler grants slots',
  IDEMPOTENT_REPEAT: 'the same request is registered already',
  IDEMPOTENCY_CONFLICT: 'another request is registered under the same id or idempotency key',
};

const rejection = (entry: AppendEntry, outcome: EntryOutcome & { ok: false }): AppendResult => {
  const { existing, currentVersion } = outcome;
  const code = outcome.code as Exclude<typeof outcome.code, 'STALE_KEY'>;
  const repeats = code === 'IDEMPOTENT_REPEAT' || code === 'IDEMPOTENCY_CONFLICT';
  return {
    ok: false,
    code,
    message: `stream ${entry.stream.id} is at version ${currentVersion}, expected ${entry.expected}: ${MESSAGES[code]}`,
    currentVersion,
    ...(repeats && existing ? { existing: { tenant: entry.tenant, ...existing } } : {}),
  };
};
