import { tmpdir } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../spec/api-server.js';
import { runMandate, type Ran } from '../spec/run-mandate.js';

let api: ApiServer;
beforeAll(async () => {
  api = await ApiServer.start();
});
beforeEach(() => api.reset());
afterAll(() => api.stop());

const mandate = (...args: string[]): Promise<Ran> => runMandate(args, { MANDATE_API_URL: api.url }, tmpdir());

const VIEW = {
  ...{ running: 1, weight: 1, limits: [], rates: [], paused: [], workers: [] },
  retryBudgets: [{ name: '*', percent: 10, perMinute: 10 }],
  retriesHeld: [{ capability: 'search', at: '2026-11-29T17:41:13.058Z' }],
  breakerRules: [
    { kind: 'capability', name: '*', failurePercent: 50, volume: 20, window: 'PT1M', openFor: 'PT15S', probes: 1 },
    { kind: 'worker', name: '*', failurePercent: 100, volume: 10, window: 'PT1M', openFor: 'PT15S', probes: 1 },
  ],
  breakers: [
    {
      ...{ kind: 'worker', name: 'w1', capability: 'search', state: 'open', openings: 1 },
      ...{ since: '2026-11-29T17:41:13.058Z', triesAt: '2026-11-29T17:41:28.058Z', reason: '10 of 10 attempts failed within 60 s' },
    },
    {
      ...{ kind: 'capability', name: 'write', capability: 'write', state: 'open', openings: 1 },
      ...{ since: '2026-11-29T17:41:13.058Z', triesAt: null, reason: '' },
    },
  ],
  substitutes: [{ capability: 'search', substitute: 'web-search' }],
};

describe('mandate', () => {
  it.each([
    [['retry-budget', 'search', '20', '3'], { type: 'set-retry-budget', name: 'search', percent: 20, perMinute: 3 }],
    [['retry-budget', '*', '5'], { type: 'set-retry-budget', name: '*', percent: 5, perMinute: 10 }],
    [['retry-budget', 'search', 'none'], { type: 'remove-retry-budget', name: 'search' }],
    [['substitute', 'search', 'web-search'], { type: 'set-substitute', capability: 'search', substitute: 'web-search' }],
    [['substitute', 'search', 'none'], { type: 'remove-substitute', capability: 'search' }],
    [
      ['breaker', 'open', 'capability', 'search', '--reason', 'why'],
      { type: 'open-breaker', kind: 'capability', name: 'search', reason: 'why' },
    ],
    [['breaker', 'close', 'worker', 'w1', 'search'], { type: 'close-breaker', kind: 'worker', name: 'w1', capability: 'search' }],
    [['breaker', 'unset', 'worker', '*'], { type: 'remove-breaker', kind: 'worker', name: '*' }],
    [
      ['breaker', 'set', 'worker', '*', '--failures', '30', '--volume', '5', '--window', 'PT30S', '--open-for', 'PT5S', '--probes', '2'],
      { type: 'set-breaker', kind: 'worker', name: '*', failurePercent: 30, volume: 5, window: 'PT30S', openFor: 'PT5S', probes: 2 },
    ],
  ])('%j', async (args, body) => {
    api.on('POST /api/scheduling', { body: VIEW });
    expect(await mandate(...args)).toMatchObject({ status: 0, err: '' });
    expect(api.asked.map((asked) => asked.body)).toEqual([body]);
  });

  it.each([
    [['breaker', 'jump', 'worker', 'w1']],
    [['breaker', 'open', 'worker']],
    [['breaker', 'set', 'worker', '*', '--failures', 'many']],
    [['retry-budget', 'search', 'much']],
    [['substitute', 'search']],
  ])('%j is wrong use', async (args) => {
    expect((await mandate(...args)).status).toBe(2);
    expect(api.asked).toEqual([]);
  });

  it('scheduling shows what guards the capabilities', async () => {
    api.on('GET /api/scheduling', { body: VIEW });
    const { out } = await mandate('scheduling');
    for (const line of [
      /retries +capability +\* +10 % of traffic, 10 a minute in any case/,
      /retries +capability +search +budget spent at 2026-11-29T17:41:13.058Z/,
      /breaker +capability +\* +opens above 50 % of 20 or more failing within PT1M, for PT15S, then lets 1 through/,
      /breaker +worker +\* +never opens by itself/,
      /open +worker +w1 search +since 2026-11-29T17:41:13.058Z, tried at 2026-11-29T17:41:28.058Z: 10 of 10 attempts failed within 60 s/,
      /open +capability +write +since 2026-11-29T17:41:13.058Z, by hand\n/,
      /substitute +capability +search +by web-search/,
    ])
      expect(out).toMatch(line);
  });
});
