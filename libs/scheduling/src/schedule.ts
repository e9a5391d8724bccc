/**
 * A schedule: at the times of a cron pattern a delegation is asked for. Event-sourced and pure; what still runs is told with the command.
 *
 * Times that nobody was there for are made up for within the catch-up window, and otherwise missed, which is an event too. A paused
 * schedule has no times: they are neither made up for nor missed.
 */
import type { Overlap } from '@mandate/contracts';
import { AppError, timestamp } from '@mandate/kernel';
import { nextTime, verifyCron } from './cron.js';

export interface ScheduleTerms {
  name: string | null;
  cron: string;
  timezone: string;
  overlap: Overlap;
  catchUpMs: number;
}

interface Of<Type extends string, Data, Personal = undefined> {
  type: Type;
  at: number;
  data: Data;
  personal?: Personal | undefined;
}

interface By {
  by: string;
}

/** `Request`: what is asked for each time; the schedule itself does not look into it. */
export type ScheduleEvent<Request = unknown> =
  | Of<'created', ScheduleTerms & By, { request: Request }>
  /** `running`: what ran already; `cancels`: those of them that have to make room. `by`: who wanted it now. */
  | Of<'triggered', { dueAt: string; delegationId: string; running: string[]; cancels: string[]; by?: string }>
  | Of<'buffered', { dueAt: string }>
  | Of<'skipped', { dueAt: string }>
  /** All times from one to the other were too long ago to be made up for. */
  | Of<'missed', { from: string; until: string }>
  | Of<'paused', By, { reason: string }>
  | Of<'resumed', By, { reason: string }>
  | Of<'deleted', By, { reason: string }>;

export const SCHEDULE_AGGREGATE = 'schedule';
export const scheduleEventName = (type: ScheduleEvent['type']): string => `dev.mandate.${SCHEDULE_AGGREGATE}.${type}.v1`;

export interface Schedule extends ScheduleTerms {
  status: 'active' | 'paused' | 'deleted';
  principal: string;
  createdAt: number;
  /** Times up to this one are settled. */
  settledUntil: number;
  /** Asked for and perhaps not ended yet. */
  running: readonly string[];
  bufferedAt: number | null;
  recent: readonly { dueAt: number; what: 'triggered' | 'skipped' | 'missed'; delegationId?: string }[];
}

export type ScheduleState = Schedule | null;

export type ScheduleCommand =
  | ({ type: 'create'; by: string; request: unknown; now: number } & ScheduleTerms)
  | { type: 'wake'; running: readonly string[]; idOf: (dueAt: number) => string; now: number }
  | { type: 'trigger'; by: string; running: readonly string[]; delegationId: string; now: number }
  | { type: 'pause' | 'resume' | 'delete'; by: string; reason: string; now: number };

/** Times that are decided in one go; the rest follows at once. */
const TIMES_AT_ONCE = 100;
const REMEMBERED = 20;

export const decideSchedule = (command: ScheduleCommand, state: ScheduleState): ScheduleEvent[] => {
  if (command.type === 'create') return create(command, state);
  if (command.type === 'wake') return state?.status === 'active' ? wake(command, state) : [];
  if (!state || state.status === 'deleted') throw new AppError('NOT_FOUND', 'not-found', 'there is no such schedule');
  const { by, now: at } = command;
  switch (command.type) {
    case 'trigger': {
      const { delegationId, running } = command;
      return [{ type: 'triggered', at, data: { dueAt: timestamp(at), delegationId, running: [...running], cancels: [], by } }];
    }
    case 'pause':
      return state.status === 'paused' ? [] : [{ type: 'paused', at, data: { by }, personal: { reason: command.reason } }];
    case 'resume':
      return state.status === 'active' ? [] : [{ type: 'resumed', at, data: { by }, personal: { reason: command.reason } }];
    case 'delete':
      return [{ type: 'deleted', at, data: { by }, personal: { reason: command.reason } }];
  }
};

const create = (command: Extract<ScheduleCommand, { type: 'create' }>, state: ScheduleState): ScheduleEvent[] => {
  const { type: _type, by, request, now, ...terms } = command;
  if (state) throw new AppError('CONFLICT', 'conflict', 'there is a schedule under this id already: use a new one');
  verifyCron(terms.cron, terms.timezone);
  if (nextTime(terms.cron, terms.timezone, now) === null)
    throw new AppError('INVALID_CRON', 'invalid', `${terms.cron} has no time that is still to come`, { field: 'cron' });
  return [{ type: 'created', at: now, data: { ...terms, by }, personal: { request } }];
};

const wake = ({ running, idOf, now }: Extract<ScheduleCommand, { type: 'wake' }>, schedule: Schedule): ScheduleEvent[] => {
  const events: ScheduleEvent[] = [];
  let open = [...running];
  let buffered = schedule.bufferedAt;
  const trigger = (dueAt: number, cancels: string[] = []): void => {
    const delegationId = idOf(dueAt);
    events.push({ type: 'triggered', at: now, data: { dueAt: timestamp(dueAt), delegationId, running: open, cancels } });
    open = [...open.filter((id) => !cancels.includes(id)), delegationId];
  };
  if (buffered !== null && open.length === 0) {
    trigger(buffered);
    buffered = null;
  }
  const missed = missedTimes(schedule, now);
  if (missed) events.push(missed);
  for (const dueAt of dueTimes(schedule, now)) {
    if (open.length === 0 || schedule.overlap === 'allow') trigger(dueAt);
    else if (schedule.overlap === 'cancel-other') trigger(dueAt, open);
    else if (schedule.overlap === 'buffer-one' && buffered === null) {
      buffered = dueAt;
      events.push({ type: 'buffered', at: now, data: { dueAt: timestamp(dueAt) } });
    } else events.push({ type: 'skipped', at: now, data: { dueAt: timestamp(dueAt) } });
  }
  return events;
};

const missedTimes = ({ cron, timezone, settledUntil, catchUpMs }: Schedule, now: number): ScheduleEvent | null => {
  const from = nextTime(cron, timezone, settledUntil);
  const until = now - catchUpMs;
  return from !== null && from < until ? { type: 'missed', at: now, data: { from: timestamp(from), until: timestamp(until) } } : null;
};

const dueTimes = ({ cron, timezone, settledUntil, catchUpMs }: Schedule, now: number): number[] => {
  const times: number[] = [];
  // A time at the very edge of the window is still made up for.
  let from = Math.max(settledUntil, now - catchUpMs - 1);
  while (times.length < TIMES_AT_ONCE) {
    const next = nextTime(cron, timezone, from);
    if (next === null || next > now) break;
    times.push(next);
    from = next;
  }
  return times;
};

export const evolveSchedule = (state: ScheduleState, event: ScheduleEvent): ScheduleState => {
  if (event.type === 'created') return created(event);
  if (!state) return state;
  switch (event.type) {
    case 'triggered': {
      const { delegationId, running, cancels, by } = event.data;
      const dueAt = Date.parse(event.data.dueAt);
      const rest = running.filter((id) => !cancels.includes(id));
      const settled = by === undefined ? Math.max(state.settledUntil, dueAt) : state.settledUntil;
      const bufferedAt = state.bufferedAt === dueAt ? null : state.bufferedAt;
      return noted(
        { ...state, running: [...rest, delegationId], settledUntil: settled, bufferedAt },
        { dueAt, what: 'triggered', delegationId },
      );
    }
    case 'buffered': {
      const dueAt = Date.parse(event.data.dueAt);
      return { ...state, bufferedAt: dueAt, settledUntil: Math.max(state.settledUntil, dueAt) };
    }
    case 'skipped': {
      const dueAt = Date.parse(event.data.dueAt);
      return noted({ ...state, settledUntil: Math.max(state.settledUntil, dueAt) }, { dueAt, what: 'skipped' });
    }
    case 'missed':
      return noted(
        { ...state, settledUntil: Math.max(state.settledUntil, Date.parse(event.data.until) - 1) },
        { dueAt: Date.parse(event.data.from), what: 'missed' },
      );
    case 'paused':
      return { ...state, status: 'paused', bufferedAt: null };
    case 'resumed':
      return { ...state, status: 'active', settledUntil: event.at };
    case 'deleted':
      return { ...state, status: 'deleted', bufferedAt: null };
  }
};

const created = ({ at, data: { by, ...terms } }: Extract<ScheduleEvent, { type: 'created' }>): Schedule => ({
  ...terms,
  status: 'active',
  principal: by,
  createdAt: at,
  settledUntil: at,
  running: [],
  bufferedAt: null,
  recent: [],
});

const noted = (schedule: Schedule, one: Schedule['recent'][number]): Schedule => ({
  ...schedule,
  recent: [one, ...schedule.recent].slice(0, REMEMBERED),
});

/** When it needs attention: at its next time, or now and again while one is kept for later; null when it has none. */
export const nextAttention = (state: ScheduleState): number | null => {
  if (state?.status !== 'active') return null;
  return state.bufferedAt ?? nextTime(state.cron, state.timezone, state.settledUntil);
};
