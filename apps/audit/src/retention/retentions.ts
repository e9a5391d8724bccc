/** The retention of the log: what was decided, in a stream of its own, and the runs that carry it out. */
import { randomBytes } from 'node:crypto';
import {
  decideRetention,
  evolveRetention,
  KEEP_ALL,
  RETENTION,
  RETENTION_EVENT_PREFIX,
  retentionEventName,
  whyItStays,
  type Hold,
  type HoldScope,
  type Retention,
  type RetentionCommand,
  type RetentionEvent,
  type StayReason,
} from '@mandate/audit-trail';
import type { HoldRequest, HoldView, RetentionRequest, RetentionRunView, RetentionView } from '@mandate/contracts';
import {
  holdsOver,
  newestOf,
  partitionsOf,
  removeDeadLettersBefore,
  retirePartition,
  type Actor,
  type EventStore,
  type Keyring,
  type Partition,
  type RecordedEvent,
} from '@mandate/event-store';
import { AppError, timestamp, ulid, type Clock, type JsonObject } from '@mandate/kernel';
import type { Caller } from '@mandate/service-host';
import { RetentionApi } from '../http/index.js';
import type { Archive } from './archive.js';
import type { HoldFinder } from './holds.js';

export interface RetentionsOptions {
  store: EventStore;
  keyring: Keyring;
  archive: Archive;
  holds: HoldFinder;
  /** How many events a signed checkpoint covers. */
  signedSize: () => Promise<number>;
  clock: Clock;
}

interface Known {
  state: Retention;
  version: number;
}

interface Origin {
  actor: Actor;
  traceparent?: string;
}

/** The log is one, whoever shares it; its retention stands with the default tenant. */
const TENANT = 'default';
const STREAM = { type: RETENTION, id: 'log' };
const ATTEMPTS = 10;
const DAY_MS = 86_400_000;
const ITSELF: Origin = { actor: { kind: 'service', id: 'audit' } };
const originOf = ({ principal, traceparent }: Caller): Origin => ({ actor: { kind: 'operator', id: principal }, traceparent });

export class Retentions extends RetentionApi {
  /** One at a time in this process; between processes the duty's lease sees to that. */
  private running: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: RetentionsOptions) {
    super();
  }

  async view(): Promise<RetentionView> {
    const { state } = await this.load();
    const partitions: RetentionView['partitions'] = [];
    for (const partition of await partitionsOf(this.options.store.database)) {
      const stays = partition.retiredAt ? null : (await this.judge(state, partition)).stays;
      partitions.push({ from: partition.from, to: partition.to, retiredAt: partition.retiredAt?.toISOString() ?? null, stays });
    }
    const lastRunAt = state.lastRunAt === null ? null : timestamp(state.lastRunAt);
    return { days: state.days, holds: Object.values(state.holds).map(holdView), lastRunAt, partitions };
  }

  async change(caller: Caller, { days }: RetentionRequest): Promise<RetentionView> {
    await this.command({ type: 'change', days, now: this.options.clock.now() }, originOf(caller));
    return this.view();
  }

  async placeHold(caller: Caller, request: HoldRequest): Promise<HoldView> {
    const now = this.options.clock.now();
    const holdId = ulid(now, randomBytes(10));
    const { reason } = request;
    const scope = this.scopeOf(caller.tenant, request);
    await this.command({ type: 'place-hold', holdId, scope, ...(reason === undefined ? {} : { reason }), now }, originOf(caller));
    return holdView({ id: holdId, scope, placedAt: now });
  }

  async liftHold(caller: Caller, holdId: string): Promise<RetentionView> {
    await this.command({ type: 'lift-hold', holdId, now: this.options.clock.now() }, originOf(caller));
    return this.view();
  }

  /** The hold that stands against making these unreadable. */
  async heldAmong(tenant: string, delegations: readonly string[], subject: string | null): Promise<Hold | null> {
    const { state } = await this.load();
    return this.options.holds.heldAmong(tenant, state, new Set(delegations), subject);
  }

  /** Once a day, whoever starts how often; where everything is kept, never. */
  async runIfDue(): Promise<void> {
    const { state } = await this.load();
    if (state.days === null) return;
    if (state.lastRunAt === null || state.lastRunAt <= this.options.clock.now() - DAY_MS) await this.inTurn(ITSELF);
  }

  run(caller: Caller): Promise<RetentionRunView> {
    return this.inTurn(originOf(caller));
  }

  private inTurn(origin: Origin): Promise<RetentionRunView> {
    const next = this.running.then(() => this.carryOut(origin));
    this.running = next.catch(() => undefined);
    return next;
  }

  private async carryOut(origin: Origin): Promise<RetentionRunView> {
    const { store, clock } = this.options;
    const { state } = await this.load();
    const retired: RetentionRunView['retired'] = [];
    const partitions = await partitionsOf(store.database);
    let stop: { stays: StayReason; holdId?: string } = { stays: 'not-full' };
    for (const [index, partition] of partitions.entries()) {
      if (partition.retiredAt) continue;
      const { stays, holdId } = await this.judge(state, partition);
      if (stays !== null) {
        stop = { stays, ...(holdId === undefined ? {} : { holdId }) };
        break;
      }
      retired.push(await this.retire(partition, partitions.slice(0, index), origin));
    }
    const deadLetters =
      state.days === null ? 0 : await removeDeadLettersBefore(store.database, new Date(clock.now() - state.days * DAY_MS));
    const { stays: stoppedBy, ...held } = stop;
    await this.record({ type: 'ran', at: clock.now(), data: { retired: retired.length, deadLetters, stoppedBy, ...held } }, origin);
    return { retired, deadLetters, stoppedBy, ...held };
  }

  /** Archived, dropped, recorded; then what this line leaves over in the partitions before. */
  private async retire(partition: Partition, before: readonly Partition[], origin: Origin): Promise<RetentionRunView['retired'][number]> {
    const { store, archive, clock } = this.options;
    const { from, to } = partition;
    const archived = await archive.write(from, to);
    const data = { from, to, ...(await retirePartition(store.database, from, to)), archive: archived };
    await this.record({ type: 'retired', at: clock.now(), data }, origin);
    for (const earlier of before) {
      if (!(await holdsOver(store.database, earlier, to))) continue;
      const again = { from: earlier.from, to: earlier.to, ...(await retirePartition(store.database, earlier.from, to)) };
      await this.record({ type: 'retired', at: clock.now(), data: again }, origin);
    }
    return data;
  }

  private async judge(state: Retention, partition: Partition): Promise<{ stays: StayReason | null; holdId?: string }> {
    const { store, holds, signedSize, clock } = this.options;
    const newest = await newestOf(store.database, partition);
    const held = await holds.heldIn(TENANT, state, partition);
    const stays = whyItStays(
      state,
      {
        full: (await store.head()).size >= partition.to - 1,
        newestAt: newest?.getTime() ?? Infinity,
        signed: (await signedSize()) >= partition.to - 1,
        heldBy: held?.id ?? null,
      },
      clock.now(),
    );
    return { stays, ...(stays === 'held' && held ? { holdId: held.id } : {}) };
  }

  private scopeOf(tenant: string, { of, delegationId, dataSubject }: HoldRequest): HoldScope {
    if (of === 'delegation') return { of, delegationId: delegationId as string };
    if (of === 'subject') return { of, subject: this.options.keyring.blindIndex(tenant, dataSubject as string).toString('hex') };
    return { of };
  }

  private async command(command: RetentionCommand, origin: Origin): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { state, version } = await this.load();
      const events = decideRetention(command, state);
      if (events.length === 0 || (await this.append(events, version === 0 ? 'no-stream' : version, origin))) return;
    }
    throw new AppError('RETENTION_BUSY', 'unavailable', 'others change the retention just now: try again');
  }

  private async record(event: RetentionEvent, origin: Origin): Promise<void> {
    await this.append([event], 'any', origin);
  }

  private async append(events: readonly RetentionEvent[], expected: number | 'no-stream' | 'any', origin: Origin): Promise<boolean> {
    const result = await this.options.store.append({
      tenant: TENANT,
      stream: STREAM,
      expected,
      events: events.map((event) => ({
        type: retentionEventName(event.type),
        occurredAt: timestamp(event.at),
        data: event.data as unknown as JsonObject,
        ...('personal' in event && event.personal ? { personal: event.personal } : {}),
      })),
      correlationId: STREAM.id,
      ...origin,
    });
    return result.ok;
  }

  private async load(): Promise<Known> {
    const recorded = await this.options.store.readStream({ tenant: TENANT, stream: STREAM });
    return { state: recorded.map(retentionEvent).reduce(evolveRetention, KEEP_ALL), version: recorded.at(-1)?.version ?? 0 };
  }
}

const retentionEvent = ({ type, occurredAt, data }: RecordedEvent): RetentionEvent =>
  ({
    type: type.slice(RETENTION_EVENT_PREFIX.length).replace(/\.v\d+$/, ''),
    at: Date.parse(occurredAt),
    data,
  }) as unknown as RetentionEvent;

const holdView = ({ id, scope, placedAt }: Hold): HoldView => ({
  id,
  of: scope.of,
  ...(scope.of === 'delegation' ? { delegationId: scope.delegationId } : {}),
  placedAt: timestamp(placedAt),
});
