/** Delegations that begin later, and those that are asked for again and again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId, type Document } from './plain-requester.js';
import { completed, type PlainWorker } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

interface View {
  id: string;
  state: string;
  nextAt: string | null;
  bufferedAt: string | null;
  request: Document;
  recent: { dueAt: string; what: string; delegationId?: string }[];
}

let scene: Scene;
let held: PlainWorker;
let shouts: PlainWorker;
beforeAll(async () => {
  scene = await startScene();
  held = await scene.worker({ capabilities: [{ name: 'hold', concurrency: 50 }], work: () => undefined });
  shouts = await scene.worker({ capabilities: [{ name: 'shout', concurrency: 8 }] });
});
afterAll(() => scene.stop());

const path = '/api/delegations/schedules';
const MINUTE = 60_000;
const request = (capability: string): Document => ({ goal: 'again', steps: [{ id: 'a', capability }] });
const create = async (fields: Document): Promise<View> => {
  const { status, body } = await scene.api.post(path, { cron: '* * * * *', catchUp: 'PT1H', ...fields }, { 'mandate-principal': 'ann' });
  expect([status, body['code']]).toEqual([201, undefined]);
  return body as unknown as View;
};
const view = async (id: string): Promise<View> => (await scene.api.get<View>(`${path}/${id}`)).body;
const recent = (id: string, count: number): Promise<View> =>
  until(
    async () => {
      const found = await view(id);
      return found.recent.length >= count && found;
    },
    { what: `${count} times of ${id}`, timeoutMs: 15_000 },
  );
const remove = (id: string): Promise<unknown> => fetch(`${scene.engine.url}${path}/${id}`, { method: 'DELETE' });
/** The workers beat in real time: what they said before seems to be long ago. */
const advance = (byMs: number): void => {
  scene.engine.clock.advance(byMs);
  held.beat();
  shouts.beat();
};
/** To just after the next full minute. */
const nextMinute = (): void => advance(MINUTE - (scene.engine.clock.now() % MINUTE) + 10);

describe('a delegation with a start', () => {
  it('begins then, and not before; its deadline counts from there', async () => {
    const { id } = await scene.requester.ask({ ...request('shout'), delay: 'PT1H', budget: { deadline: 'PT1M' } });
    const submitted = await scene.api.inState(id, 'SUBMITTED');
    expect(Date.parse(String(submitted.startAt)) - Date.parse(submitted.createdAt)).toBe(3_600_000);
    advance(59 * MINUTE);
    const other = await scene.requester.ask(request('shout'));
    await scene.api.inState(other.id, 'COMPLETED');
    expect((await scene.api.view(id)).state).toBe('TASK_STATE_SUBMITTED');
    advance(MINUTE);
    await scene.api.inState(id, 'COMPLETED');
  });

  it('has one way to say when', async () => {
    const both = { ...request('shout'), delay: 'PT1H', startAt: '2030-01-01T00:00:00Z' };
    expect((await (await scene.requester.ask(both)).answer()).body).toMatchObject({ code: 'INVALID_FIELD', field: 'delay' });
  });
});

describe('a schedule', () => {
  it('asks at its times, in the name of who made it', async () => {
    const { id, nextAt } = await create({ request: request('shout'), name: 'often' });
    expect(Date.parse(String(nextAt)) % MINUTE).toBe(0);
    nextMinute();
    const { delegationId, dueAt } = (await recent(id, 1)).recent[0]!;
    expect(dueAt).toBe(nextAt);
    await scene.api.inState(String(delegationId), 'COMPLETED');
    expect((await scene.requester.event(String(delegationId), 'requested')).data).toMatchObject({ principal: 'ann' });
    const { items } = (await scene.api.get<{ items: View[] }>(path)).body;
    expect(items.map((item) => [item.id, item.request])).toEqual([[id, undefined]]);
    expect((await view(id)).request).toMatchObject(request('shout'));
    await remove(id);
    expect((await scene.api.get(`${path}/${id}`)).status).toBe(404);
    expect((await scene.api.get<{ items: View[] }>(path)).body.items).toEqual([]);
  });

  it.each([
    ['skip', ['skipped', 'triggered']],
    ['allow', ['triggered', 'triggered']],
    ['cancel-other', ['triggered', 'triggered']],
  ])('whose last one still runs: %s', async (overlap, expected) => {
    const { id } = await create({ request: request('hold'), overlap });
    nextMinute();
    const first = String((await recent(id, 1)).recent[0]!.delegationId);
    await held.offer(({ delegationId }) => delegationId === first);
    nextMinute();
    const { recent: both } = await recent(id, 2);
    expect(both.map(({ what }) => what)).toEqual(expected);
    if (overlap === 'cancel-other') await scene.api.inState(first, 'CANCELED');
    else expect((await scene.api.view(first)).state).toBe('TASK_STATE_WORKING');
    await remove(id);
  });

  it('keeps one for later, and asks for it when the one before has ended', async () => {
    const { id } = await create({ request: request('hold'), overlap: 'buffer-one' });
    nextMinute();
    const first = String((await recent(id, 1)).recent[0]!.delegationId);
    const offer = await held.offer(({ delegationId }) => delegationId === first);
    nextMinute();
    const bufferedAt = await until(async () => (await view(id)).bufferedAt, { what: 'one to be kept' });
    await held.report(offer, completed('done'));
    const { recent: both } = await recent(id, 2);
    expect(both[0]).toMatchObject({ what: 'triggered', dueAt: bufferedAt });
    await remove(id);
  });

  it('is paused and resumed, and asks at once when told to', async () => {
    const { id } = await create({ request: request('shout') });
    expect((await scene.api.post(`${path}/${id}/pause`, { reason: 'holiday' })).status).toBe(204);
    expect(await view(id)).toMatchObject({ state: 'paused', nextAt: null });
    nextMinute();
    const { body } = await scene.api.post(`${path}/${id}/trigger`);
    await scene.api.inState(String(body['delegationId']), 'COMPLETED');
    expect((await view(id)).recent).toHaveLength(1);
    await scene.api.post(`${path}/${id}/resume`);
    nextMinute();
    expect((await recent(id, 2)).recent[0]?.what).toBe('triggered');
    await remove(id);
  });

  it('says what it missed', async () => {
    const { id } = await create({ request: request('shout'), catchUp: 'PT10S', cron: '0 * * * *' });
    advance(120 * MINUTE - (scene.engine.clock.now() % (60 * MINUTE)) + 30 * MINUTE);
    expect((await recent(id, 1)).recent).toMatchObject([{ what: 'missed' }]);
    await remove(id);
  });

  it.each<[string, Document]>([
    ['INVALID_CRON', { cron: 'often' }],
    ['INVALID_TIMEZONE', { timezone: 'Nowhere/City' }],
    ['INVALID_FIELD', { request: { ...request('shout'), id: newId() } }],
    ['INVALID_FIELD', { overlap: 'queue' }],
    ['INVALID_FIELD', { request: { goal: '' } }],
  ])('is refused with %s: %j', async (code, fields) =>
    expect((await scene.api.post(path, { cron: '* * * * *', request: request('shout'), ...fields })).body).toMatchObject({ code }),
  );
});
