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
const ERASED = {
  id: '01E',
  of: 'subject',
  delegations: 3,
  keys: 4,
  deadLetters: 2,
  snapshots: 0,
  reapplied: 0,
  by: 'admin',
  completedAt: 'then',
};

describe('mandate audit erase', () => {
  it('shows without --yes what it would reach, and does nothing', async () => {
    api.on('POST /api/audit/erasures/preview', { body: { of: 'subject', delegations: 3, subjectKeys: 1, running: ['01D'] } });
    const { status, out } = await mandate('erase', '--subject', 'ann');
    expect({ status, out }).toEqual({ status: 1, out: expect.stringMatching(/^3 delegations would[^]*cancelled first: 01D/) as unknown });
    expect(api.asked.map(({ url, body }) => [url, body])).toEqual([['/api/audit/erasures/preview', { dataSubject: 'ann' }]]);
  });

  it('erases with --yes', async () => {
    api.on('POST /api/audit/erasures', { body: ERASED });
    expect(await mandate('erase', '--delegation', '01D', '--reason', 'asked to', '--yes')).toMatchObject({
      status: 0,
      out: expect.stringContaining('3 delegations unreadable, 4 keys and 2 dead letters gone') as unknown,
    });
    expect(api.asked[0]?.body).toEqual({ delegationId: '01D', reason: 'asked to' });
  });

  it('says what is wrong', async () => {
    expect(await mandate('erase')).toMatchObject({ status: 2, err: expect.stringContaining('--subject') as unknown });
    const problem = { status: 409, code: 'ERASURE_IN_USE', title: 'Conflict', detail: '1 of it still runs: cancel it' };
    api.on('POST /api/audit/erasures', { status: 409, type: 'application/problem+json', body: problem });
    expect(await mandate('erase', '--subject', 'ann', '--yes')).toMatchObject({
      status: 1,
      err: expect.stringContaining('cancel it') as unknown,
    });
  });
});

it('lists erasures, page by page', async () => {
  api.on('GET /api/audit/erasures?cursor=c', { body: { items: [ERASED, { ...ERASED, reapplied: 1 }], nextCursor: '01E' } });
  const { out } = await mandate('erasures', '--cursor', 'c');
  expect(out).toMatch(/01E {2}then {2}subject by admin[^]*again after 1 restores\nmore: --cursor 01E\n$/);
});
