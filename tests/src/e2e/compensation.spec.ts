/** Ends that undo what was done, and a cancel that reaches everything below, also what does not listen. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId, type Document } from './plain-requester.js';
import { completed, type Offer, type PlainWorker } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
let deaf: PlainWorker;
const undone: Offer[] = [];
const undo = (offer: Offer): Document => {
  undone.push(offer);
  return completed('undone');
};

beforeAll(async () => {
  scene = await startScene();
  // Plain workers only note what they are told: none of them stops.
  deaf = await scene.worker({ capabilities: [{ name: 'hold', concurrency: 50 }], work: () => undefined });
  await scene.worker({ capabilities: [{ name: 'book', concurrency: 8 }], work: ({ input }) => completed({ booked: input }) });
  await scene.worker({ capabilities: [{ name: 'unbook', concurrency: 8 }], work: undo });
  const broken = { status: 'failed', error: { code: 'NO', message: 'no', retryable: false } };
  await scene.worker({ capabilities: [{ name: 'break', concurrency: 8 }], work: () => broken });
});
afterAll(() => scene.stop());

const book = (id: string, dependsOn: string[] = []): Document => ({
  id,
  capability: 'book',
  input: id,
  dependsOn,
  compensate: { capability: 'unbook', goal: `take ${id} back` },
});
const ask = async (steps: Document[], fields: Document = {}): Promise<string> =>
  (await scene.requester.ask({ goal: 'travel', steps, ...fields })).id;

describe('what succeeded', () => {
  it('is undone in reverse order before the delegation fails', async () => {
    const id = await ask([book('hotel'), book('car', ['hotel']), { id: 'flight', capability: 'break', dependsOn: ['car'] }]);
    const view = await scene.api.inState(id, 'FAILED');
    expect(view.error?.code).toBe('STEP_FAILED');
    const mine = undone.filter(({ delegationId }) => delegationId === id);
    expect(mine.map(({ goal, results }) => [goal, results])).toEqual([
      ['take car back', { car: { booked: 'car' } }],
      ['take hotel back', { hotel: { booked: 'hotel' } }],
    ]);
    expect(view.steps.map(({ id: step, state }) => [step, state.replace('TASK_STATE_', '')])).toEqual([
      ['hotel', 'COMPLETED'],
      ['car', 'COMPLETED'],
      ['flight', 'FAILED'],
      ['mandate-undo-1', 'COMPLETED'],
      ['mandate-undo-2', 'COMPLETED'],
    ]);
    await scene.requester.event(id, 'failed');
    expect(scene.requester.typesOf(id).filter((type) => type === 'compensating' || type === 'failed')).toEqual(['compensating', 'failed']);
  });

  it('is undone when it is canceled, by a worker that comes later; until then it is seen', async () => {
    const steps = [
      { ...book('hotel'), compensate: { capability: 'unbook-late' } },
      { id: 'stay', capability: 'hold', dependsOn: ['hotel'] },
    ];
    const late = { capabilities: ['unbook-late'] };
    const first = await scene.worker(late);
    first.stop();
    const id = await ask(steps);
    const offer = await deaf.offer(({ delegationId }) => delegationId === id);
    const { body } = await scene.api.post(`/api/delegations/${id}/cancel`);
    expect(body).toEqual({ id, state: 'TASK_STATE_WORKING' });
    await deaf.control('cancel', offer.leaseId);
    const between = await scene.api.view(id);
    expect(between).toMatchObject({ state: 'TASK_STATE_WORKING', ending: { state: 'TASK_STATE_CANCELED' } });
    const { items } = (await scene.api.get<{ items: { id: string; state: string }[] }>(`/api/delegations?q=${id}`)).body;
    expect(items).toMatchObject([{ id, state: 'TASK_STATE_WORKING' }]);
    await scene.worker(late);
    await scene.api.inState(id, 'CANCELED');
  });
});

describe('a cancel', () => {
  it('stops three levels below within five seconds, also where nobody listens, and what comes from there later is kept out', async () => {
    const hold = { goal: 'hold', steps: [{ id: 'a', capability: 'hold' }] };
    const offerOf = (id: string): Promise<Offer> => deaf.offer(({ delegationId }) => delegationId === id);
    const below = async ({ delegationId, stepId, attempt, leaseId }: Offer): Promise<Offer> => {
      const asked = await scene.requester.ask({ ...hold, parent: { delegationId, stepId, attempt, leaseId } }, { id: newId() });
      return offerOf(asked.id);
    };
    const root = await offerOf((await scene.requester.ask(hold)).id);
    const chain = [root];
    for (let depth = 1; depth <= 3; depth++) chain.push(await below(chain.at(-1) as Offer));
    const began = Date.now();
    await scene.api.post(`/api/delegations/${root.delegationId}/cancel`);
    for (const { delegationId } of chain) await scene.api.inState(delegationId, 'CANCELED');
    expect(Date.now() - began).toBeLessThan(5_000);
    for (const { delegationId, leaseId } of chain) {
      await deaf.control('cancel', leaseId);
      expect((await scene.query('SELECT FROM es.slot WHERE delegation_id = $1', [delegationId])).rows).toEqual([]);
    }
    const deepest = chain.at(-1) as Offer;
    const before = await scene.api.events(deepest.delegationId);
    deaf.beat();
    await deaf.report(deepest, completed('done all the same'));
    await until(async () => (await scene.parked(deepest.resultSubject))[0] === 'LEASE_NOT_CURRENT', {
      what: 'the late result among the dead letters',
    });
    expect(await scene.api.events(deepest.delegationId)).toEqual(before);
  });
});
