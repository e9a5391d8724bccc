import { describe, expect, it } from '@jest/globals';
import { specify } from '@mandate/testing';
import { OPEN_POLICY, policyDecider, type PolicyCommand, type PolicyEvent } from './policy.js';

const given = specify(policyDecider);
const tag = { by: 'olga', reason: 'load' };
const said = { ...tag, now: 7 };
const target = { kind: 'worker', name: 'w1', capability: 'search' } as const;
const rule = { failurePercent: 30, volume: 5, windowMs: 10_000, openMs: 2_000, probes: 2 };
const time = (at: number): string => new Date(at).toISOString();

const tripped = (at: number, openings: number, triesAt: number): PolicyEvent => ({
  type: 'breakeropened',
  at,
  data: { ...target, triesAt: time(triesAt), openings, failures: 6, volume: 10, windowMs: 60_000, ...tag },
});
const trip = (from: 'closed' | 'half-open', now: number): PolicyCommand => ({
  ...{ ...tag, now, type: 'trip-breaker', ...target, from },
  ...{ failures: 6, volume: 10, windowMs: 60_000 },
});
const halfOpened = (at: number): PolicyEvent => ({ type: 'breakerhalfopened', at, data: { ...target, ...tag } });
const forced = (at: number): PolicyEvent => ({ type: 'breakeropened', at, data: { ...target, triesAt: null, openings: 1, ...tag } });

describe('a guard', () => {
  it.each<[string, PolicyCommand, PolicyCommand]>([
    [
      'a retry budget',
      { ...said, type: 'set-retry-budget', capability: 'search', percent: 20, perMinute: 5 },
      { ...said, type: 'remove-retry-budget', capability: 'search' },
    ],
    [
      'thresholds',
      { ...said, type: 'set-breaker', kind: 'worker', name: '*', ...rule },
      { ...said, type: 'remove-breaker', kind: 'worker', name: '*' },
    ],
    ['an open breaker', { ...said, type: 'open-breaker', ...target }, { ...said, type: 'close-breaker', ...target, cause: 'operator' }],
    [
      'a substitute',
      { ...said, type: 'set-substitute', capability: 'search', substitute: 'web-search' },
      { ...said, type: 'remove-substitute', capability: 'search' },
    ],
  ])('%s is set once, taken back once, and then as if it had never been', (_what, set, undo) => {
    const events = given().when(set).events();
    expect(events).toHaveLength(1);
    expect(events[0]?.data).toMatchObject(tag);
    given(...events)
      .when(set)
      .then();
    const undone = given(...events)
      .when(undo)
      .events();
    expect(undone).toHaveLength(1);
    given(...events)
      .when(undo)
      .thenState(OPEN_POLICY);
    given(...events, ...undone)
      .when(undo)
      .then();
  });

  it('tells that retries are held once a minute a capability', () => {
    const hold = (capability: string, now: number): PolicyCommand => ({
      ...{ ...tag, now, type: 'hold-retries', capability, retries: 10, traffic: 3, allowed: 10, readyAt: now + 5_000 },
    });
    const data = { capability: 'search', retries: 10, traffic: 3, allowed: 10, windowMs: 60_000, readyAt: time(6_000), ...tag };
    const held: PolicyEvent = { type: 'retriesheld', at: 1_000, data };
    given().when(hold('search', 1_000)).then(held);
    given(held).when(hold('search', 60_999)).then();
    expect(given(held).when(hold('search', 61_000)).events()).toHaveLength(1);
    expect(given(held).when(hold('write', 1_001)).events()).toHaveLength(1);
  });
});

describe('a breaker', () => {
  it('opens by what was concluded in the state that it is in', () => {
    given()
      .when(trip('closed', 1_000))
      .then(tripped(1_000, 1, 16_000));
    given().when(trip('half-open', 1_000)).then();
    given(tripped(1_000, 1, 16_000))
      .when(trip('closed', 2_000))
      .then();
    given(tripped(1_000, 1, 16_000), halfOpened(16_000))
      .when(trip('closed', 17_000))
      .then();
    given(tripped(1_000, 1, 16_000), halfOpened(16_000))
      .when(trip('half-open', 17_000))
      .then(tripped(17_000, 2, 47_000));
  });

  it('is half open when its time has come, unless it was opened by hand', () => {
    const attempt = (now: number): PolicyCommand => ({ ...tag, now, type: 'try-breaker', ...target });
    given(tripped(1_000, 1, 16_000))
      .when(attempt(15_999))
      .then();
    given(tripped(1_000, 1, 16_000))
      .when(attempt(16_000))
      .then(halfOpened(16_000));
    given(forced(1_000)).when(attempt(9_999_999)).then();
    given().when(attempt(1_000)).then();
  });

  it('is closed by its probes only while it is half open', () => {
    const close: PolicyCommand = { ...tag, now: 20_000, type: 'close-breaker', ...target, cause: 'probes' };
    const closed: PolicyEvent = { type: 'breakerclosed', at: 20_000, data: { ...target, ...tag } };
    given(tripped(1_000, 1, 16_000), halfOpened(16_000))
      .when(close)
      .then(closed);
    given(forced(1_000)).when(close).then();
    given().when(close).then();
  });

  it('opens for as long as its rule says', () => {
    const set: PolicyEvent = { type: 'breakerruleset', at: 1, data: { kind: 'worker', name: 'w1', ...rule, ...tag } };
    given(set)
      .when(trip('closed', 1_000))
      .then(tripped(1_000, 1, 3_000));
  });

  it('has a bounded number of fellows', () => {
    const open = (n: number): PolicyEvent => ({
      ...{ type: 'breakeropened', at: 1 },
      data: { kind: 'worker', name: `w${n}`, capability: 'search', triesAt: null, openings: 1, ...tag },
    });
    const thousand = Array.from({ length: 1_000 }, (_, n) => open(n + 100));
    given(...thousand)
      .when(trip('closed', 1))
      .thenFails('TOO_MANY_LIMITS');
  });
});
