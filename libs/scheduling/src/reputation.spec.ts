import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { faded, figuresOf, observed, volumeOf, wilson, type Observation, type Standing } from './reputation.js';

const HOUR = 3_600_000;
const T0 = Date.parse('2026-11-29T09:00:00.000Z');
const saw = (result: Observation['result'], at = T0, more: Partial<Observation> = {}): Observation => ({
  result,
  late: result === 'timed-out',
  ms: result === 'succeeded' ? 100 : null,
  at,
  ...more,
});
const after = (...observations: Observation[]): Standing =>
  observations.reduce<Standing | null>((standing, one) => observed(standing, one, HOUR), null) as Standing;

describe('a standing', () => {
  it('counts what came of attempts, and how long successes took', () => {
    const standing = after(
      saw('succeeded', T0, { ms: 100 }),
      saw('succeeded', T0, { ms: 400, late: true }),
      saw('failed'),
      saw('timed-out'),
      saw('lost'),
      saw('unanswered'),
    );
    expect(figuresOf(standing)).toMatchObject({
      volume: 6,
      successRate: 0.3333,
      lateRate: 0.3333,
      latencyMs: 200,
      outcomes: { succeeded: 2, failed: 1, timedOut: 1, lost: 1, unanswered: 1 },
      observations: 6,
    });
  });

  it('fades by half in each half-life, by the time of events', () => {
    const standing = after(saw('failed', T0), saw('succeeded', T0 + HOUR), saw('succeeded', T0 + 2 * HOUR));
    expect(standing.failed).toBe(0.25);
    expect(standing.succeeded).toBe(1.5);
    expect(volumeOf(faded(standing, T0 + 3 * HOUR, HOUR))).toBeCloseTo(0.875);
    expect(faded(standing, T0, HOUR)).toBe(standing);
    expect(standing.observations).toBe(3);
  });

  it('is the same, nearly, in whichever order attempts of different delegations came into the log', () =>
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.integer({ min: 0, max: 5 * HOUR }), good: fc.boolean() }), { minLength: 1 }), (all) => {
        const observations = all.map(({ at, good }) => saw(good ? 'succeeded' : 'failed', T0 + at));
        const sorted = [...observations].sort((a, b) => a.at - b.at);
        expect(volumeOf(after(...observations))).toBeCloseTo(volumeOf(after(...sorted)), 9);
        expect(after(...observations).firstAt).toBe(sorted[0]?.at);
      }),
    ));

  it('says nothing once all of it has faded', () =>
    expect(figuresOf(faded(after(saw('failed')), T0 + 200 * HOUR, HOUR))).toMatchObject({
      successRate: null,
      lateRate: null,
      latencyMs: null,
      upper: 1,
    }));
});

describe("Wilson's interval", () => {
  // Brown, Cai and DasGupta 2001; the same as statsmodels' proportion_confint(method='wilson').
  it.each([
    [0, 0, 0, 1],
    [0, 10, 0, 0.2775],
    [1, 10, 0.0179, 0.4042],
    [5, 10, 0.2366, 0.7634],
    [10, 10, 0.7225, 1],
    [45, 100, 0.3561, 0.5476],
  ])('of %d of %d is %d to %d', (successes, trials, lower, upper) => {
    const interval = wilson(successes, trials);
    expect(interval.lower).toBeCloseTo(lower, 4);
    expect(interval.upper).toBeCloseTo(upper, 4);
  });
});
