import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../../spec/api-server.js';
import { mandateOn, type Ran } from '../../spec/mandate.js';

let api: ApiServer;
beforeAll(async () => {
  api = await ApiServer.start();
});
beforeEach(() => api.reset());
afterAll(() => api.stop());

const mandate = (...args: string[]): Promise<Ran> => mandateOn(api, 'audit', ...args);
const VIEW = {
  days: 90,
  holds: [{ id: '01H', of: 'delegation', delegationId: '01D', placedAt: 'then' }],
  lastRunAt: null,
  partitions: [
    { from: 1, to: 101, retiredAt: 'yesterday', stays: null },
    { from: 101, to: 201, retiredAt: null, stays: 'held' },
  ],
};

describe('mandate audit retention', () => {
  it('shows how long events are kept, and why each part is still there', async () => {
    api.on('GET /api/audit/retention', { body: VIEW });
    expect((await mandate('retention')).out.split('\n')).toEqual([
      'events are kept for 90 days; last run never',
      '01H  delegation 01D is held since then',
      'positions   retired    stays because',
      '1 to 100    yesterday  ',
      '101 to 200             held',
      '',
    ]);
  });

  it('changes it', async () => {
    api.on('POST /api/audit/retention', { body: { ...VIEW, days: null } });
    await mandate('retention', '--days', '30');
    expect((await mandate('retention', '--forever')).out).toContain('kept for good');
    expect(api.asked.map(({ body }) => body)).toEqual([{ days: 30 }, { days: null }]);
    expect(await mandate('retention', '--days', 'many')).toMatchObject({ status: 2 });
  });
});

it('places a hold on one thing, and lifts it', async () => {
  api.on('POST /api/audit/retention/holds', { status: 201, body: { id: '01H', of: 'subject', placedAt: 'then' } });
  api.on('POST /api/audit/retention/holds/01H/lift', { body: { ...VIEW, holds: [] } });
  expect((await mandate('hold', '--subject', 'ann', '--reason', 'a lawsuit')).out).toBe(
    '01H  a person’s delegations are held since then\n',
  );
  expect((await mandate('release', '01H')).status).toBe(0);
  expect(api.asked[0]?.body).toEqual({ of: 'subject', dataSubject: 'ann', reason: 'a lawsuit' });
  expect(await mandate('hold', '--all', '--subject', 'ann')).toMatchObject({ status: 2 });
});

it('cleans up now', async () => {
  const retired = [{ from: 1, to: 101, events: 100, kept: 7, archive: { file: 'events-1-100.jsonl.gz', sha256: '', bytes: 1 } }];
  api.on('POST /api/audit/retention/run', { body: { retired, deadLetters: 2, stoppedBy: 'held', holdId: '01H' } });
  expect((await mandate('cleanup')).out).toBe(
    'positions 1 to 100: 93 events dropped, 7 kept, all of them in events-1-100.jsonl.gz\n' +
      '2 dead letters removed; the next partition stays: held by 01H\n',
  );
});
