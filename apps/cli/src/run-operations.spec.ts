import { tmpdir } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../spec/api-server.js';
import { runMandate, type Ran } from '../spec/run-mandate.js';

const ID = '01JD00000000000000000000A0';

let api: ApiServer;
beforeAll(async () => {
  api = await ApiServer.start();
});
beforeEach(() => api.reset());
afterAll(() => api.stop());

const mandate = (args: string[]): Promise<Ran> => runMandate(args, { MANDATE_API_URL: api.url }, tmpdir());

describe('dead letters', () => {
  const one = { id: ID, reason: 'STEP_FAILED', source: 's', done: true, delegationId: ID };

  it('are settled page by page, as one answer', async () => {
    api.on(
      'POST /api/delegations/dead-letters/redrive',
      { body: { dryRun: false, items: [one], nextCursor: 'n' } },
      { body: { dryRun: false, items: [{ ...one, done: false, problem: 'NOT_REDRIVABLE' }], nextCursor: null } },
    );
    const { status, out } = await mandate(['dead-letters', 'redrive', '--reason', 'STEP_FAILED']);
    expect([status, out]).toEqual([1, expect.stringMatching(/redriven +as 01J.*\n.*NOT_REDRIVABLE/)]);
    expect(api.asked.map(({ body }) => body)).toEqual([{ reason: 'STEP_FAILED' }, { reason: 'STEP_FAILED', cursor: 'n' }]);
  });

  it('are not settled without saying which, nor discarded without saying why', async () => {
    expect((await mandate(['dead-letters', 'redrive', '--dry-run'])).status).toBe(2);
    expect((await mandate(['dead-letters', 'discard', ID])).status).toBe(2);
    expect(api.asked).toEqual([]);
  });
});

describe('reputation', () => {
  const settings = { halfLife: 'PT6H', floor: 0.5, minVolume: 20, quiet: 'P1D' };
  const outcomes = { succeeded: 2, failed: 18, timedOut: 0, lost: 0, unanswered: 0 };
  const figures = { volume: 20, successRate: 0.1, lower: 0.03, upper: 0.3, lateRate: 0, latencyMs: 9, observations: 20, outcomes };
  const evidence = { figures, from: 'f', to: 't', halfLife: 'PT6H', floor: 0.5, minVolume: 20, peers: null };
  const open = { id: ID, instance: 'w1', capability: 'search', state: 'open', proposedAt: 'p', evidence, decided: null };

  it('is shown with what is proposed, and why', async () => {
    api.on('GET /api/agents/reputation', { body: { settings, proposals: [open] } });
    const { out } = await mandate(['reputation', 'show']);
    expect(out).toContain('succeeds in 10 % of 20 attempts, surely between 3 % and 30 %; the floor is 50 %');
    expect(out).toContain('no others to compare with');
    expect(JSON.parse((await mandate(['reputation', 'show', '--json'])).out)).toEqual({ settings, proposals: [open] });
  });

  it('is counted as told', async () => {
    api.on('POST /api/agents/reputation', { body: { settings, proposals: [] } });
    expect((await mandate(['reputation', 'set', '--half-life', 'PT1H', '--floor', '0.4', '--min-volume', '9'])).out).toContain('nobody');
    expect(api.asked.at(-1)?.body).toEqual({ halfLife: 'PT1H', floor: 0.4, minVolume: 9 });
    expect((await mandate(['reputation', 'set', '--floor', 'low'])).status).toBe(2);
  });

  it('leads to a decision, which needs a reason when it is no', async () => {
    const decided = { by: 'grace', reason: 'tests', at: 'a' };
    api.on(`POST /api/agents/proposals/${ID}/accept`, { body: { ...open, state: 'accepted', decided } });
    expect((await mandate(['reputation', 'accept', ID])).out).toContain('accepted by grace at a: tests');
    api.on(`POST /api/agents/proposals/${ID}/dismiss`, { body: { ...open, state: 'dismissed', decided } });
    await mandate(['reputation', 'dismiss', ID, '--reason', 'tests']);
    expect(api.asked.map(({ body }) => body)).toEqual([{}, { reason: 'tests' }]);
    expect((await mandate(['reputation', 'dismiss', ID])).status).toBe(2);
  });
});

describe('schedules', () => {
  const path = '/api/delegations/schedules';
  const schedule = {
    ...{ id: ID, name: 'morning', cron: '0 9 * * *', timezone: 'Europe/Berlin', overlap: 'skip', catchUp: 'PT1M', state: 'active' },
    ...{ principal: 'admin', createdAt: 't', nextAt: '2026-11-24T08:00:00.000Z', bufferedAt: null },
  };
  const recent = [{ dueAt: '2026-11-23T08:00:00.000Z', what: 'triggered', delegationId: ID }];

  it('are made, listed and shown', async () => {
    api.on(`POST ${path}`, { status: 201, body: { ...schedule, recent: [], request: { goal: 'Report' } } });
    const created = await mandate(['schedule', 'create', '0 9 * * *', 'Report', '--timezone', 'Europe/Berlin', '--overlap', 'skip']);
    expect([created.status, created.out]).toEqual([0, expect.stringMatching(/nextAt +2026-11-24T08:00:00.000Z[^]*goal: Report/)]);
    const asked = { cron: '0 9 * * *', request: { goal: 'Report' }, timezone: 'Europe/Berlin', overlap: 'skip' };
    expect(api.asked.at(-1)?.body).toEqual(asked);
    api.on(`GET ${path}?limit=200`, { body: { items: [schedule], nextCursor: null } });
    expect((await mandate(['schedule', 'list'])).out).toContain('Europe/Berlin  skip     2026-11-24 08:00:00  morning');
    api.on(`GET ${path}/${ID}`, { body: { ...schedule, recent } });
    expect((await mandate(['schedule', 'show', ID])).out).toContain(`2026-11-23T08:00:00.000Z  triggered  ${ID}`);
  });

  it.each([
    [['pause', ID, '--reason', 'holiday'], `POST ${path}/${ID}/pause`, `${ID}  paused\n`, { reason: 'holiday' }],
    [['resume', ID], `POST ${path}/${ID}/resume`, `${ID}  active\n`, {}],
    [['delete', ID], `DELETE ${path}/${ID}`, `${ID}  deleted\n`, undefined],
    [['trigger', ID], `POST ${path}/${ID}/trigger`, `asked: mandate watch ${ID}\n`, undefined],
  ])('%j', async (args, request, out, body) => {
    api.on(request, { body: { delegationId: ID } });
    expect(await mandate(['schedule', ...args])).toEqual({ status: 0, out, err: '' });
    expect(api.asked[0]?.body).toEqual(body);
  });

  it('ask for something', async () => expect((await mandate(['schedule', 'create', '@daily'])).status).toBe(2));
});
