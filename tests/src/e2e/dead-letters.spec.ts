/** What gave up, from outside: found, tried again, discarded; each decision on record. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId, type Document } from './plain-requester.js';
import { completed, type Offer } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

interface Letter {
  id: string;
  kind: string;
  reason: string;
  attempts: number;
  delegationId: string | null;
  capability: string | null;
  context: Record<string, string>;
  content: Document;
}

let scene: Scene;
let broken = true;
const offers: Offer[] = [];
beforeAll(async () => {
  scene = await startScene();
  const work = (offer: Offer): Document => {
    offers.push(offer);
    return broken ? { status: 'failed', error: { code: 'DOWN', message: 'secret socket', retryable: false } } : completed(offer.input);
  };
  await scene.worker({ capabilities: [{ name: 'fragile', concurrency: 50 }], work });
});
afterAll(() => scene.stop());

const path = '/api/delegations/dead-letters';
const listed = async (query: string): Promise<Letter[]> => (await scene.api.get<{ items: Letter[] }>(`${path}?${query}`)).body.items;
const settle = async (verb: string, which: Document): Promise<{ items: Document[]; dryRun: boolean }> =>
  (await scene.api.post(`${path}/${verb}`, which, { 'mandate-principal': 'grace' })).body as never;
const fail = async (fields: Document = {}): Promise<string> => {
  const steps = [{ id: 'a', capability: 'fragile', input: { n: 1 }, timeout: 'PT7S' }];
  const { id } = await scene.requester.ask({ goal: 'Try hard', steps, priority: 7, ...fields }, { principal: 'ann' });
  await scene.api.inState(id, 'FAILED');
  return id;
};
const letterOf = (delegationId: string): Promise<Letter> =>
  until(async () => (await listed(`delegationId=${delegationId}`))[0], { what: `the dead letter of ${delegationId}` });

describe('a delegation that failed for good', () => {
  it('is parked with its cause, and asked for again as it was asked', async () => {
    broken = true;
    const id = await fail({ metadata: { team: 'blue' }, dataSubject: 'bob' });
    const letter = await letterOf(id);
    expect(letter).toMatchObject({ kind: 'delegation', reason: 'STEP_FAILED', capability: 'fragile', attempts: 1 });
    expect(JSON.stringify(letter)).not.toContain('secret socket');
    const whole = (await scene.api.get<Letter>(`${path}/${letter.id}`)).body;
    expect(whole.context).toMatchObject({ principal: 'ann', stepId: 'a', error: expect.stringContaining('secret socket') });
    broken = false;
    const { items } = await settle('redrive', { ids: [letter.id] });
    expect(items).toMatchObject([{ id: letter.id, done: true }]);
    const again = String(items[0]?.['delegationId']);
    expect((await scene.api.inState(again, 'COMPLETED')).result).toEqual({ n: 1 });
    const asked = await scene.requester.event(again, 'requested');
    expect(asked.data).toMatchObject({ principal: 'ann', priority: 7 });
    expect(whole.content).toMatchObject({ id, goal: 'Try hard', metadata: { team: 'blue' }, dataSubject: 'bob' });
    expect(whole.content['steps']).toMatchObject([{ id: 'a', capability: 'fragile', input: { n: 1 }, timeout: 'PT7S', maxAttempts: 3 }]);
    expect((await scene.requester.event(letter.id, 'redriven')).data).toMatchObject({ as: again, delegationId: id, reason: 'STEP_FAILED' });
    expect(await listed(`delegationId=${id}`)).toEqual([]);
    expect((await settle('redrive', { ids: [letter.id] })).items).toEqual([]);
  });

  it('is found by what it shares with others, tried without doing it, and then done', async () => {
    broken = true;
    const capability = 'fragile';
    const ids = await Promise.all([fail(), fail(), fail()]);
    await Promise.all(ids.map(letterOf));
    const which = { capability, kind: 'delegation', reason: 'STEP_FAILED' };
    const tried = await settle('redrive', { ...which, dryRun: true });
    expect(tried).toMatchObject({ dryRun: true, items: [{ done: false }, { done: false }, { done: false }] });
    expect(await listed(`capability=${capability}`)).toHaveLength(3);
    broken = false;
    const done = await settle('redrive', which);
    expect(done.items.map(({ delegationId }) => delegationId)).toEqual(tried.items.map(({ delegationId }) => delegationId));
    for (const { delegationId } of done.items) await scene.api.inState(String(delegationId), 'COMPLETED');
    expect(await listed(`capability=${capability}`)).toEqual([]);
  });

  it('is discarded with a reason, and then holds nothing any more', async () => {
    broken = true;
    const letter = await letterOf(await fail());
    expect((await settle('discard', { ids: [letter.id] }))['code' as never]).toBe('INVALID_FIELD');
    await settle('discard', { ids: [letter.id], because: 'a test order' });
    expect((await scene.api.get(`${path}/${letter.id}`)).body).toMatchObject({ fate: 'discarded', content: null, context: {} });
    const event = await scene.requester.event(letter.id, 'discarded');
    expect([event.data['reason'], event.text]).toEqual(['STEP_FAILED', expect.not.stringContaining('a test order')]);
    const { rows } = await scene.query('SELECT octet_length(payload) AS bytes FROM es.dead_letter WHERE dead_letter_id = $1', [letter.id]);
    expect(rows).toEqual([{ bytes: 0 }]);
  });

  it('is not kept when a person decided it', async () => {
    broken = true;
    const steps = [{ id: 'a', capability: 'fragile', irreversible: true }];
    const { id } = await scene.requester.ask({ goal: 'no', steps });
    await scene.api.inState(id, 'INPUT_REQUIRED');
    await scene.api.post(`/api/delegations/${id}/deny`);
    await letterOf(await fail()); // the follower has passed the denial
    expect(await listed(`delegationId=${id}`)).toEqual([]);
  });
});

describe('a message that could not be taken', () => {
  it('comes again as it came', async () => {
    const id = newId();
    await (await scene.requester.publish(`mandate.v1.default.request.${id}.ann`, '{"goal":', { 'X-Mine': 'kept' })).answer();
    const letter = await letterOf(id);
    expect(letter).toMatchObject({ kind: 'message', reason: 'INVALID_JSON', attempts: 1 });
    expect((await settle('redrive', { ids: [letter.id] })).items).toMatchObject([{ done: true }]);
    const second = await letterOf(id);
    expect(second.id).not.toBe(letter.id);
    const { context, content } = (await scene.api.get<Letter>(`${path}/${second.id}`)).body;
    expect([context['X-Mine'], Buffer.from(String(content['base64']), 'base64').toString()]).toEqual(['kept', '{"goal":']);
  });

  it('is not sent anywhere when its subject is none of ours', async () => {
    await scene.requester.publish('mandate.v1.default.request.nobody', '{}');
    const letter = await until(async () => (await listed('reason=INVALID_SUBJECT'))[0], { what: 'the stray message' });
    expect((await settle('redrive', { ids: [letter.id] })).items).toMatchObject([{ done: false, problem: 'NOT_REDRIVABLE' }]);
  });
});

it.each([
  ['redrive', {}, 'INVALID_FIELD'],
  ['redrive', { dryRun: true }, 'INVALID_FIELD'],
  ['discard', { because: 'x' }, 'INVALID_FIELD'],
  ['redrive', { reason: 'not a code' }, 'INVALID_FIELD'],
])('%s of %j is refused: it would be all or nothing', async (verb, body, code) =>
  expect((await scene.api.post(`${path}/${verb}`, body)).body).toMatchObject({ code }),
);
