import { describe, expect, it } from '@jest/globals';
import { specify } from '@mandate/testing';
import type { Overlap } from '@mandate/contracts';
import { nextTime } from './cron.js';
import { decideSchedule, evolveSchedule, nextAttention, type ScheduleCommand, type ScheduleEvent, type ScheduleState } from './schedule.js';

const given = specify<ScheduleCommand, ScheduleState, ScheduleEvent>({ initial: null, decide: decideSchedule, evolve: evolveSchedule });
const at = (time: string): number => Date.parse(`2026-03-02T${time}.000Z`);
const iso = (time: string): string => `2026-03-02T${time}.000Z`;
const create = (more: Partial<Extract<ScheduleCommand, { type: 'create' }>> = {}): ScheduleCommand => ({
  type: 'create',
  by: 'ann',
  request: { goal: 'report' },
  name: null,
  cron: '*/10 * * * *',
  timezone: 'UTC',
  overlap: 'skip',
  catchUpMs: 60_000,
  now: at('09:05:00'),
  ...more,
});
const idOf = (dueAt: number): string => `of ${new Date(dueAt).toISOString().slice(11, 16)}`;
const wake = (time: string, ...running: string[]): ScheduleCommand => ({ type: 'wake', running, idOf, now: at(time) });
const by = (type: 'pause' | 'resume' | 'delete', time: string): ScheduleCommand => ({ type, by: 'bob', reason: 'holiday', now: at(time) });
const fold = (events: ScheduleEvent[]): ScheduleState => events.reduce(evolveSchedule, null);
const after = (...commands: ScheduleCommand[]): ScheduleEvent[] =>
  commands.reduce<ScheduleEvent[]>((events, command) => [...events, ...decideSchedule(command, fold(events))], []);

describe('the times of a pattern', () => {
  it.each([
    ['0 9 * * MON-FRI', 'Europe/Berlin', '2026-03-06T08:00:00Z', '2026-03-09T08:00:00.000Z'],
    ['0 9 * * *', 'Europe/Berlin', '2026-03-28T08:00:00Z', '2026-03-29T07:00:00.000Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00.000Z'],
    ['@daily', 'Asia/Tokyo', '2026-03-02T00:00:00Z', '2026-03-02T15:00:00.000Z'],
  ])('%s in %s after %s', (cron, timezone, from, expected) =>
    expect(new Date(nextTime(cron, timezone, Date.parse(from)) ?? 0).toISOString()).toBe(expected),
  );
});

describe('a schedule', () => {
  it.each([
    ['INVALID_CRON', { cron: 'every day' }],
    ['INVALID_CRON', { cron: '* * * * * *' }],
    ['INVALID_CRON', { cron: '0 0 30 2 *' }],
    ['INVALID_TIMEZONE', { timezone: 'Mars/Olympus' }],
  ])('is refused with %s: %j', (code, more) => given().when(create(more)).thenFails(code));

  it('asks at its times, and looks up only then', () => {
    expect(nextAttention(fold(after(create())))).toBe(at('09:10:00'));
    given(...after(create()))
      .when(wake('09:09:59'))
      .then();
    given(...after(create()))
      .when(wake('09:10:00'))
      .thenMatches({ type: 'triggered', data: { dueAt: iso('09:10:00'), delegationId: 'of 09:10', cancels: [] } });
    expect(nextAttention(fold(after(create(), wake('09:10:00'))))).toBe(at('09:20:00'));
    given(...after(create(), wake('09:10:00')))
      .when(wake('09:10:01'))
      .then();
  });

  it.each<[Overlap, object[]]>([
    ['skip', [{ type: 'skipped', data: { dueAt: iso('09:20:00') } }]],
    ['allow', [{ type: 'triggered', data: { delegationId: 'of 09:20', running: ['of 09:10'], cancels: [] } }]],
    ['cancel-other', [{ type: 'triggered', data: { delegationId: 'of 09:20', cancels: ['of 09:10'] } }]],
    ['buffer-one', [{ type: 'buffered', data: { dueAt: iso('09:20:00') } }]],
  ])('whose last one still runs: %s', (overlap, expected) =>
    given(...after(create({ overlap }), wake('09:10:00')))
      .when(wake('09:20:00', 'of 09:10'))
      .thenMatches(...expected),
  );

  it('keeps one for later, not two, and asks for it when there is room', () => {
    const kept = [create({ overlap: 'buffer-one' }), wake('09:10:00'), wake('09:20:00', 'of 09:10')];
    given(...after(...kept))
      .when(wake('09:30:00', 'of 09:10'))
      .thenMatches({ type: 'skipped' });
    given(...after(...kept))
      .when(wake('09:25:00', 'of 09:10'))
      .then();
    given(...after(...kept))
      .when(wake('09:25:00'))
      .thenMatches({ type: 'triggered', data: { dueAt: iso('09:20:00'), delegationId: 'of 09:20' } });
    expect(nextAttention(fold(after(...kept, wake('09:25:00'))))).toBe(at('09:30:00'));
  });

  it('makes up for what is late within the window, and says what it missed', () => {
    given(...after(create({ catchUpMs: 15 * 60_000, overlap: 'allow' })))
      .when(wake('09:42:00'))
      .thenMatches(
        { type: 'missed', data: { from: iso('09:10:00'), until: iso('09:27:00') } },
        { type: 'triggered', data: { dueAt: iso('09:30:00') } },
        { type: 'triggered', data: { dueAt: iso('09:40:00'), running: ['of 09:30'] } },
      );
    given(...after(create(), wake('11:05:00')))
      .when(wake('11:05:00'))
      .then();
    expect(nextAttention(fold(after(create(), wake('11:05:00'))))).toBe(at('11:10:00'));
  });

  it('has no times while it is paused, and none to make up for', () => {
    const paused = [create({ catchUpMs: 3_600_000 }), by('pause', '09:06:00')];
    expect(nextAttention(fold(after(...paused)))).toBeNull();
    given(...after(...paused))
      .when(wake('09:30:00'))
      .then();
    given(...after(...paused))
      .when(by('pause', '09:31:00'))
      .then();
    given(...after(...paused, by('resume', '09:35:00')))
      .when(wake('09:40:00'))
      .thenMatches({ type: 'triggered', data: { dueAt: iso('09:40:00') } });
  });

  it('asks at once when somebody wants it, and keeps its times', () => {
    const now: ScheduleCommand = { type: 'trigger', by: 'bob', running: ['x'], delegationId: 'now', now: at('09:07:00') };
    given(...after(create(), by('pause', '09:06:00')))
      .when(now)
      .thenMatches({ type: 'triggered', data: { delegationId: 'now', by: 'bob', running: ['x'] } });
    expect(nextAttention(fold(after(create(), now)))).toBe(at('09:10:00'));
  });

  it('is gone once it is deleted', () => {
    const gone = [create(), by('delete', '09:06:00')];
    expect(nextAttention(fold(after(...gone)))).toBeNull();
    for (const type of ['pause', 'resume', 'delete'] as const)
      given(...after(...gone))
        .when(by(type, '09:07:00'))
        .thenFails('NOT_FOUND');
    given(...after(...gone))
      .when(create())
      .thenFails('CONFLICT');
  });
});
