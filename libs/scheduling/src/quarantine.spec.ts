import { describe, expect, it } from '@jest/globals';
import { specify } from '@mandate/testing';
import { evolveReputation, NEW_REPUTATION, reputationDecider, type ReputationCommand, type ReputationEvent } from './quarantine.js';
import { figuresOf, observed, type Standing } from './reputation.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const T0 = Date.parse('2026-11-29T09:00:00.000Z');
const given = specify(reputationDecider);

const standing = (succeeded: number, failed: number): Standing => {
  let made: Standing | null = null;
  for (let i = 0; i < succeeded + failed; i++)
    made = observed(made, { result: i < succeeded ? 'succeeded' : 'failed', late: false, ms: null, at: T0 }, HOUR);
  return made as Standing;
};

const assess = (of: Standing, more: Partial<Extract<ReputationCommand, { type: 'assess' }>> = {}): ReputationCommand => ({
  type: 'assess',
  proposal: 'p1',
  instance: 'w1',
  capability: 'search',
  standing: of,
  peers: [],
  now: T0,
  ...more,
});
const settle = (type: 'accept' | 'dismiss', more: object = {}): ReputationCommand => ({
  type,
  proposal: 'p1',
  by: 'grace',
  reason: 'seen',
  now: T0,
  ...more,
});
const proposed = (of: Standing): ReputationEvent[] => reputationDecider.decide(assess(of), NEW_REPUTATION);
const decided = (type: 'accept' | 'dismiss', of = standing(4, 16)): ReputationEvent[] => {
  const events = proposed(of);
  return [...events, ...reputationDecider.decide(settle(type), events.reduce(evolveReputation, NEW_REPUTATION))];
};

describe('a quarantine', () => {
  it('is proposed for a worker that is surely below the floor, with the figures', () =>
    given()
      .when(assess(standing(4, 16)))
      .then({
        type: 'quarantineproposed',
        at: T0,
        data: {
          proposal: 'p1',
          instance: 'w1',
          capability: 'search',
          evidence: {
            figures: figuresOf(standing(4, 16)),
            from: '2026-11-29T09:00:00.000Z',
            to: '2026-11-29T09:00:00.000Z',
            halfLifeMs: 6 * HOUR,
            floor: 0.5,
            minVolume: 20,
            peers: null,
          },
        },
      }));

  it.each<[string, ReputationCommand]>([
    ['too few attempts', assess(standing(0, 19))],
    ['a rate that may be chance', assess(standing(8, 13))],
    ['a good rate', assess(standing(95, 5))],
    ['others that do no better: it is the work', assess(standing(4, 16), { peers: [standing(10, 30)] })],
  ])('is not proposed on %s', (_what, command) => given().when(command).then());

  it('is proposed beside others that do better, and says so', () =>
    given()
      .when(assess(standing(4, 16), { peers: [standing(30, 0), standing(9, 1)] }))
      .thenMatches({ type: 'quarantineproposed', data: { evidence: { peers: { volume: 40, successRate: 0.975 } } } }));

  it('is proposed once, and withdrawn when the worker is better, or the others are as bad, before anybody decided', () => {
    given(...proposed(standing(4, 16)))
      .when(assess(standing(1, 40)))
      .then();
    given(...proposed(standing(4, 16)))
      .when(assess(standing(20, 16)))
      .thenMatches({ type: 'proposalwithdrawn', data: { proposal: 'p1' } });
    given(...proposed(standing(4, 16)))
      .when(assess(standing(4, 17), { peers: [standing(10, 30)] }))
      .thenMatches({ type: 'proposalwithdrawn' });
  });

  it('is accepted or dismissed by somebody, with a reason, once', () => {
    given(...proposed(standing(4, 16)))
      .when(settle('accept'))
      .then({ type: 'proposalaccepted', at: T0, data: { proposal: 'p1', instance: 'w1', by: 'grace', reason: 'seen' } });
    given(...decided('dismiss'))
      .when(settle('dismiss'))
      .then();
    given(...decided('dismiss'))
      .when(settle('accept'))
      .thenFails('PROPOSAL_DECIDED');
    given().when(settle('accept')).thenFails('NO_PROPOSAL');
  });

  it.each(['accept', 'dismiss'] as const)('does not come back after %s, until time passes or it is clearly worse', (how) => {
    given(...decided(how))
      .when(assess(standing(4, 17), { now: T0 + DAY - 1 }))
      .then();
    given(...decided(how))
      .when(assess(standing(4, 17), { proposal: 'p2', now: T0 + DAY }))
      .thenMatches({ type: 'quarantineproposed', data: { proposal: 'p2' } });
    given(...decided(how))
      .when(assess(standing(0, 120), { proposal: 'p2', now: T0 + HOUR }))
      .thenMatches({ type: 'quarantineproposed' });
  });

  it('follows settings that are changed by event, and only what changes is one', () => {
    const configure = { type: 'configure' as const, by: 'grace', reason: '', now: T0 };
    const stricter = reputationDecider.decide({ ...configure, floor: 0.9, minVolume: 10 }, NEW_REPUTATION);
    expect(stricter).toMatchObject([{ type: 'configured', data: { floor: 0.9, minVolume: 10, halfLifeMs: 6 * HOUR } }]);
    given(...stricter)
      .when(assess(standing(5, 5)))
      .thenMatches({ type: 'quarantineproposed', data: { evidence: { floor: 0.9 } } });
    given(...stricter)
      .when({ ...configure, floor: 0.9 })
      .then();
  });
});
