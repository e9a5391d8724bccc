import { describe, expect, it } from '@jest/globals';
import {
  decideRetention,
  evolveRetention,
  KEEP_ALL,
  whyItStays,
  type PartitionFacts,
  type Retention,
  type RetentionCommand,
} from './retention.js';

const NOW = Date.parse('2026-11-25T12:00:00.000Z');
const DAY = 86_400_000;
const after = (...commands: RetentionCommand[]): Retention =>
  commands.reduce((state, command) => decideRetention(command, state).reduce(evolveRetention, state), KEEP_ALL);
const hold: RetentionCommand = { type: 'place-hold', holdId: 'h1', scope: { of: 'all' }, reason: 'a lawsuit', now: NOW };

describe('what is kept', () => {
  it('is everything, until somebody says otherwise', () => {
    expect(after()).toEqual({ days: null, holds: {}, lastRunAt: null, begun: {} });
    expect(after({ type: 'change', days: 90, now: NOW }).days).toBe(90);
    expect(after({ type: 'change', days: 90, now: NOW }, { type: 'change', days: null, now: NOW }).days).toBeNull();
    expect(decideRetention({ type: 'change', days: null, now: NOW }, KEEP_ALL)).toEqual([]);
  });

  it('is what a hold is about, until it is lifted; its reason is personal', () => {
    expect(decideRetention(hold, KEEP_ALL)).toEqual([
      { type: 'holdplaced', at: NOW, data: { holdId: 'h1', scope: { of: 'all' } }, personal: { reason: 'a lawsuit' } },
    ]);
    expect(after(hold).holds).toEqual({ h1: { id: 'h1', scope: { of: 'all' }, placedAt: NOW } });
    expect(after(hold, { type: 'lift-hold', holdId: 'h1', now: NOW }).holds).toEqual({});
    expect(() => decideRetention({ type: 'lift-hold', holdId: 'h2', now: NOW }, after(hold))).toThrow('there is no hold h2');
  });

  it('remembers its last run', () => {
    const state = evolveRetention(KEEP_ALL, { type: 'ran', at: NOW, data: { retired: 0, deadLetters: 0, stoppedBy: 'too-young' } });
    expect(state.lastRunAt).toBe(NOW);
  });
});

describe('what began', () => {
  const begun = { from: 1, to: 601, line: 601, events: 600 };
  const began = evolveRetention(KEEP_ALL, { type: 'retiring', at: NOW, data: begun });

  it('is open until it is done or given up', () => {
    expect(began.begun).toEqual({ 1: begun });
    expect(evolveRetention(began, { type: 'retired', at: NOW, data: { from: 1, to: 601, events: 600, kept: 2 } }).begun).toEqual({});
    expect(evolveRetention(began, { type: 'spared', at: NOW, data: { from: 1, to: 601, line: 601 } }).begun).toEqual({});
  });

  it('is another one than that of the next partition', () =>
    expect(evolveRetention(began, { type: 'retired', at: NOW, data: { from: 601, to: 900, events: 299, kept: 0 } }).begun).toEqual({
      1: begun,
    }));
});

describe('a partition', () => {
  const due: PartitionFacts = { full: true, newestAt: NOW - 90 * DAY, signed: true, heldBy: null };
  const state: Retention = { ...KEEP_ALL, days: 90 };
  it.each<[string, Partial<PartitionFacts>, Retention, string | null]>([
    ['is due once its newest event is old enough', {}, state, null],
    ['stays a millisecond before', { newestAt: NOW - 90 * DAY + 1 }, state, 'too-young'],
    ['stays while it grows', { full: false }, state, 'not-full'],
    ['stays while something in it is held', { heldBy: 'h1' }, state, 'held'],
    ['stays until its leaves are in signed tiles', { signed: false }, state, 'not-signed'],
    ['stays where everything is kept', {}, KEEP_ALL, 'kept-for-good'],
  ])('%s', (_name, facts, retention, reason) => expect(whyItStays(retention, { ...due, ...facts }, NOW)).toBe(reason));
});
