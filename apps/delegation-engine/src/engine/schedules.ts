/** Schedules: changed by operators through any engine, woken by the one that leads. Appends expect a version, so two cannot both decide. */
import { createHash, randomBytes } from 'node:crypto';
import {
  SCHEDULE_DEFAULTS,
  type DelegationRequest,
  type NewSchedule,
  type Page,
  type ScheduleChange,
  type ScheduleView,
} from '@mandate/contracts';
import type { Actor, EventStore, RecordedEvent } from '@mandate/event-store';
import { AppError, formatDuration, parseDuration, timestamp, ulid, type Clock, type JsonObject } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import {
  decideSchedule,
  evolveSchedule,
  nextAttention,
  nextTime,
  SCHEDULE_AGGREGATE,
  scheduleEventName,
  type Schedule,
  type ScheduleCommand,
  type ScheduleEvent,
  type ScheduleState,
} from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import { SchedulesApi, type Caller } from '../http/index.js';

export interface SchedulesOptions {
  store: EventStore;
  clock: Clock;
  logger: Logger;
  /** Whether this engine wakes schedules. */
  leads: () => boolean;
}

interface Loaded {
  state: ScheduleState;
  version: number;
  request: NonNullable<ScheduleView['request']>;
}

interface Origin {
  actor: Actor;
  traceparent: string | undefined;
}

const ATTEMPTS = 10;
const DUE_AT_ONCE = 200;
/** A delegation that was asked for and stands in no stream by then was refused before it got there, or is lost with its bus. */
const UNSEEN_MS = 60_000;

export class Schedules extends SchedulesApi {
  constructor(private readonly options: SchedulesOptions) {
    super();
  }

  async create(caller: Caller, { id, name, cron, timezone, overlap, catchUp, request }: NewSchedule): Promise<ScheduleView> {
    const alone = (['id', 'idempotencyKey', 'parent'] as const).find((field) => request[field] !== undefined);
    if (alone)
      throw new AppError('INVALID_FIELD', 'invalid', `request.${alone}: each time is a delegation of its own`, {
        field: `request.${alone}`,
      });
    const now = this.options.clock.now();
    const scheduleId = id ?? ulid(now, randomBytes(10));
    const terms = {
      name: name ?? null,
      cron,
      timezone: timezone ?? SCHEDULE_DEFAULTS.timezone,
      overlap: overlap ?? SCHEDULE_DEFAULTS.overlap,
      catchUpMs: parseDuration(catchUp ?? SCHEDULE_DEFAULTS.catchUp) ?? 0,
    };
    await this.command(caller, scheduleId, () => ({ type: 'create', by: caller.principal, request, now, ...terms }));
    return this.view(caller, scheduleId);
  }

  /** In order of id; deleted ones are not shown. */
  async list({ tenant }: Caller, { limit, cursor }: { limit: number; cursor?: string }): Promise<Page<ScheduleView>> {
    const items: ScheduleView[] = [];
    let after = cursor ?? '';
    for (;;) {
      const rows = await this.options.store.streamsOfType(SCHEDULE_AGGREGATE, limit + 1, { tenant, id: after });
      for (const row of rows) {
        if (row.tenant !== tenant) return { items, nextCursor: null };
        if (items.length === limit) return { items, nextCursor: after };
        after = row.stream.id;
        if (!row.open) continue;
        const { state } = await this.load(tenant, row.stream.id);
        if (state) items.push(viewOf(row.stream.id, state));
      }
      if (rows.length <= limit) return { items, nextCursor: null };
    }
  }

  async view({ tenant }: Caller, id: string): Promise<ScheduleView> {
    const { state, request } = await this.load(tenant, id);
    if (!state || state.status === 'deleted') throw new AppError('NOT_FOUND', 'not-found', `there is no schedule ${id}`);
    return { ...viewOf(id, state), request };
  }

  async change(caller: Caller, id: string, type: 'pause' | 'resume' | 'delete', { reason = '' }: ScheduleChange): Promise<void> {
    const by = caller.principal;
    await this.command(caller, id, () => ({ type, by, reason, now: this.options.clock.now() }));
  }

  async trigger(caller: Caller, id: string): Promise<{ delegationId: string }> {
    const { tenant, principal: by } = caller;
    const delegationId = ulid(this.options.clock.now(), randomBytes(10));
    await this.command(caller, id, async (state) => {
      const now = this.options.clock.now();
      return { type: 'trigger', by, running: await this.stillRunning(tenant, state, now), delegationId, now };
    });
    return { delegationId };
  }

  /** Wakes what is due. Called every second. */
  async tick(): Promise<void> {
    const { store, clock, leads, logger } = this.options;
    if (!leads()) return;
    for (const { tenant, stream } of await store.dueSchedules(new Date(clock.now()), DUE_AT_ONCE))
      await this.wake(tenant, stream.id).catch((error: unknown) =>
        logger.warn({ error: String(error), scheduleId: stream.id }, 'a schedule could not be woken; it is tried again'),
      );
  }

  private async wake(tenant: string, id: string): Promise<void> {
    const origin = { actor: { kind: 'service', id: 'delegation-engine' } as const, traceparent: undefined };
    await this.decide(tenant, id, origin, async (state) => {
      const now = this.options.clock.now();
      return { type: 'wake', running: await this.stillRunning(tenant, state, now), idOf: (dueAt) => occasionId(id, dueAt), now };
    });
  }

  private command(
    { tenant, principal, traceparent }: Caller,
    id: string,
    make: (state: ScheduleState) => ScheduleCommand | Promise<ScheduleCommand>,
  ): Promise<void> {
    return this.decide(tenant, id, { actor: { kind: 'operator', id: principal }, traceparent }, make);
  }

  private async decide(
    tenant: string,
    id: string,
    { actor, traceparent }: Origin,
    make: (state: ScheduleState) => ScheduleCommand | Promise<ScheduleCommand>,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { state, version } = await this.load(tenant, id);
      const command = await make(state);
      const events = decideSchedule(command, state);
      const after = events.reduce(evolveSchedule, state);
      const wakeAt = nextAttention(after);
      // One that is kept for later is looked at again and again: its time has passed, and stays.
      if (events.length === 0 && (command.type !== 'wake' || (wakeAt !== null && wakeAt <= command.now))) return;
      const result = await this.options.store.append({
        tenant,
        stream: { type: SCHEDULE_AGGREGATE, id },
        expected: version === 0 ? 'no-stream' : version,
        events: events.map(newEvent),
        actor,
        correlationId: id,
        traceparent: continueTrace(traceparent),
        ...(command.type === 'create' ? subjectOf(command.request as DelegationRequest) : {}),
        open: after !== null && after.status !== 'deleted',
        wakeAt: wakeAt === null ? null : new Date(wakeAt),
      });
      if (result.ok) return;
    }
    throw new AppError('SCHEDULE_BUSY', 'unavailable', 'others change the same schedule just now: try again');
  }

  private async load(tenant: string, id: string): Promise<Loaded> {
    const recorded = await this.options.store.readStream({ tenant, stream: { type: SCHEDULE_AGGREGATE, id }, decrypt: true });
    const state = recorded.map(scheduleEvent).reduce(evolveSchedule, null);
    return { state, version: recorded.at(-1)?.version ?? 0, request: requestIn(recorded) };
  }

  private async stillRunning(tenant: string, state: ScheduleState, now: number): Promise<string[]> {
    const open = await Promise.all(
      (state?.running ?? []).map(async (id) => {
        const row = await this.options.store.findStream(tenant, { type: 'delegation', id });
        return row ? row.open : now - (state?.recent.find((one) => one.delegationId === id)?.dueAt ?? 0) < UNSEEN_MS;
      }),
    );
    return (state?.running ?? []).filter((_id, i) => open[i]);
  }
}

/** What is about somebody is encrypted under that person's key. */
const subjectOf = ({ dataSubject }: DelegationRequest): { dataSubject?: string } => (dataSubject === undefined ? {} : { dataSubject });

/** The same for every engine and every try. */
const occasionId = (scheduleId: string, dueAt: number): string =>
  ulid(dueAt, createHash('sha256').update(`${scheduleId}/${dueAt}`).digest());

const newEvent = ({ type, at, data, personal }: ScheduleEvent) => ({
  type: scheduleEventName(type),
  occurredAt: timestamp(at),
  data: data as unknown as JsonObject,
  ...(personal ? { personal: personal as unknown as JsonObject } : {}),
});

const scheduleEvent = ({ type, occurredAt, data }: RecordedEvent): ScheduleEvent =>
  ({ type: type.split('.')[3], at: Date.parse(occurredAt), data }) as unknown as ScheduleEvent;

/** What a schedule asks for, as it was when it was made. */
export const requestIn = (recorded: readonly RecordedEvent[]): Loaded['request'] => {
  const personal = recorded[0]?.personal;
  return !personal || 'erased' in personal ? { erased: true } : (personal['request'] as unknown as Loaded['request']);
};

const viewOf = (id: string, state: Schedule): ScheduleView => ({
  id,
  name: state.name,
  cron: state.cron,
  timezone: state.timezone,
  overlap: state.overlap,
  catchUp: formatDuration(state.catchUpMs),
  state: state.status === 'paused' ? 'paused' : 'active',
  principal: state.principal,
  createdAt: timestamp(state.createdAt),
  nextAt: state.status === 'active' ? nextText(state) : null,
  bufferedAt: state.bufferedAt === null ? null : timestamp(state.bufferedAt),
  recent: state.recent.map(({ dueAt, ...rest }) => ({ dueAt: timestamp(dueAt), ...rest })),
});

const nextText = ({ cron, timezone, settledUntil }: Schedule): string | null => {
  const next = nextTime(cron, timezone, settledUntil);
  return next === null ? null : timestamp(next);
};
