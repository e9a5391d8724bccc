/** The retention of the log: what was decided, in a stream of its own, and the runs that carry it out. */
import { randomBytes } from 'node:crypto';
import {
  decideRetention,
  whyItStays,
  type Hold,
  type HoldScope,
  type Retention,
  type RetentionCommand,
  type StayReason,
} from '@mandate/audit-trail';
import type { HoldRequest, HoldView, RetentionRequest, RetentionRunView, RetentionView } from '@mandate/contracts';
import {
  holdsOver,
  newestOf,
  partitionsOf,
  removeDeadLettersBefore,
  Turn,
  type EventStore,
  type Keyring,
  type Partition,
} from '@mandate/event-store';
import { AppError, timestamp, ulid, type Clock } from '@mandate/kernel';
import type { Caller } from '@mandate/service-host';
import { RetentionApi } from '../http/index.js';
import type { Archive } from './archive.js';
import { Dropping, type DroppingParts } from './dropping.js';
import type { HoldFinder } from './holds.js';
import { busy, RetentionLog, TENANT, type Origin } from './retention-log.js';

export interface RetentionsOptions extends Pick<DroppingParts, 'reached'> {
  store: EventStore;
  keyring: Keyring;
  archive: Archive;
  holds: HoldFinder;
  /** How many events a signed checkpoint covers. */
  signedSize: () => Promise<number>;
  clock: Clock;
}

const ATTEMPTS = 10;
const DAY_MS = 86_400_000;
const ITSELF: Origin = { actor: { kind: 'service', id: 'audit' } };
const originOf = ({ principal, traceparent }: Caller): Origin => ({ actor: { kind: 'operator', id: principal }, traceparent });

export class Retentions extends RetentionApi {
  private readonly log: RetentionLog;
  private readonly dropping: Dropping;
  /** Of runs. */
  private readonly turn: Turn;

  constructor(private readonly options: RetentionsOptions) {
    super();
    const { store, clock, reached } = options;
    this.log = new RetentionLog(store);
    this.dropping = new Dropping({ store, log: this.log, clock, ...(reached ? { reached } : {}) });
    this.turn = new Turn(store.database, 'retention');
  }

  /** Finishes or gives up what a crash left begun. */
  async resume(): Promise<void> {
    try {
      await this.dropping.between(ITSELF, async () => undefined);
    } catch (error) {
      // Who drops something just now is alive, and finishes it.
      if (!(error instanceof AppError && error.code === 'IN_ANOTHER_PROCESS')) throw error;
    }
  }

  async view(): Promise<RetentionView> {
    const { state } = await this.log.load();
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
    const command: RetentionCommand = { type: 'place-hold', holdId, scope, ...(reason === undefined ? {} : { reason }), now };
    await this.dropping.between(ITSELF, () => this.command(command, originOf(caller)));
    return holdView({ id: holdId, scope, placedAt: now });
  }

  async liftHold(caller: Caller, holdId: string): Promise<RetentionView> {
    await this.command({ type: 'lift-hold', holdId, now: this.options.clock.now() }, originOf(caller));
    return this.view();
  }

  /** The hold that stands against making these unreadable. */
  async heldAmong(tenant: string, delegations: readonly string[], subject: string | null): Promise<Hold | null> {
    const { state } = await this.log.load();
    return this.options.holds.heldAmong(tenant, state, new Set(delegations), subject);
  }

  /** Once a day, whoever starts how often; where everything is kept, never. */
  async runIfDue(): Promise<void> {
    const { state } = await this.log.load();
    if (state.days === null) return;
    if (state.lastRunAt === null || state.lastRunAt <= this.options.clock.now() - DAY_MS) await this.inTurn(ITSELF);
  }

  run(caller: Caller): Promise<RetentionRunView> {
    return this.inTurn(originOf(caller));
  }

  private inTurn(origin: Origin): Promise<RetentionRunView> {
    return this.turn.take(() => this.carryOut(origin));
  }

  private async carryOut(origin: Origin): Promise<RetentionRunView> {
    const { store, clock } = this.options;
    await this.dropping.between(origin, async () => undefined);
    const { state } = await this.log.load();
    const retired: RetentionRunView['retired'] = [];
    const partitions = await partitionsOf(store.database);
    let stop: { stays: StayReason; holdId?: string } = { stays: 'not-full' };
    for (const [index, partition] of partitions.entries()) {
      if (partition.retiredAt) continue;
      const first = await this.judge(state, partition);
      const done = first.stays === null ? await this.retire(partition, partitions.slice(0, index), origin) : null;
      if (done) retired.push(done);
      else {
        // What came between the first look and the drop, such as a hold, is why it stays.
        const { stays, holdId } = first.stays === null ? await this.judge((await this.log.load()).state, partition) : first;
        stop = { stays: stays ?? 'not-full', ...(holdId === undefined ? {} : { holdId }) };
        break;
      }
    }
    const deadLetters =
      state.days === null ? 0 : await removeDeadLettersBefore(store.database, new Date(clock.now() - state.days * DAY_MS));
    const { stays: stoppedBy, ...held } = stop;
    await this.log.record({ type: 'ran', at: clock.now(), data: { retired: retired.length, deadLetters, stoppedBy, ...held } }, origin);
    return { retired, deadLetters, stoppedBy, ...held };
  }

  /** Archived and dropped; then what this line leaves over in the partitions before. Null: it has to stay by now. */
  private async retire(
    partition: Partition,
    before: readonly Partition[],
    origin: Origin,
  ): Promise<RetentionRunView['retired'][number] | null> {
    const { store, archive } = this.options;
    const { from, to } = partition;
    const archived = await archive.write(from, to);
    await this.options.reached?.('archived');
    const mayGo = async (state: Retention): Promise<boolean> => (await this.judge(state, partition)).stays === null;
    const done = await this.dropping.drop({ partition, line: to, archive: archived }, origin, mayGo);
    if (!done) return null;
    for (const earlier of before) {
      if (!(await holdsOver(store.database, earlier, to))) continue;
      const unheld = async (state: Retention): Promise<boolean> => (await this.options.holds.heldIn(TENANT, state, earlier)) === null;
      await this.dropping.drop({ partition: earlier, line: to }, origin, unheld);
    }
    return { ...done, archive: archived };
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
      const { state, version } = await this.log.load();
      const events = decideRetention(command, state);
      if (events.length === 0 || (await this.log.decided(events, version, origin))) return;
    }
    throw busy();
  }
}

const holdView = ({ id, scope, placedAt }: Hold): HoldView => ({
  id,
  of: scope.of,
  ...(scope.of === 'delegation' ? { delegationId: scope.delegationId } : {}),
  placedAt: timestamp(placedAt),
});
