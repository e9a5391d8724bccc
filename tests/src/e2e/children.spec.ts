/** Sections 3.1 and 3.2 of the contract, from outside: steps that delegate further, and workers that plan. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Answer, type Document } from './plain-requester.js';
import { completed, type Offer, type PlainWorker, type Work } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
let boss: PlainWorker;

beforeAll(async () => {
  scene = await startScene();
  boss = await scene.worker({ capabilities: [{ name: 'lead', concurrency: 50 }], work: () => undefined });
  await scene.worker({ capabilities: [{ name: 'shout', concurrency: 8 }] });
});
afterAll(() => scene.stop());

const parentOf = ({ delegationId, stepId, attempt, leaseId }: Offer): Document => ({ delegationId, stepId, attempt, leaseId });
const one = (capability: string): Document[] => [{ id: 'a', capability }];

/** A delegation whose one step is in the hands of the boss. */
const lead = async (fields: Document = {}): Promise<Offer> => {
  const { id } = await scene.requester.ask({ goal: 'lead', steps: one('lead'), ...fields });
  return boss.offer(({ delegationId }) => delegationId === id);
};

const delegate = async (parent: Offer, fields: Document = {}, id = newId()): Promise<{ id: string; answer: Answer }> => {
  const asked = await scene.requester.ask({ goal: 'follow', steps: one('shout'), parent: parentOf(parent), ...fields }, { id });
  return { id, answer: await asked.answer() };
};

/** A child whose step the boss holds too, with a budget for children of its own. */
const leadBelow = async (parent: Offer, fields: Document = {}): Promise<Offer> => {
  const id = newId();
  await delegate(parent, { goal: `lead ${id}`, steps: one('lead'), budget: { steps: 20 }, ...fields }, id);
  return boss.offer(({ delegationId }) => delegationId === id);
};

describe('a child delegation', () => {
  it('is made by a running attempt, and says so on both sides', async () => {
    const parent = await lead();
    const { id, answer } = await delegate(parent);
    expect(answer.body).toEqual({ id, state: 'TASK_STATE_SUBMITTED' });
    expect((await scene.api.inState(id, 'COMPLETED')).result).toBe('FOLLOW');
    const { leaseId: _secret, ...named } = parentOf(parent);
    expect((await scene.requester.event(id, 'requested')).data['parent']).toEqual(named);
    await boss.report(parent, completed('led'));
    await scene.api.inState(parent.delegationId, 'COMPLETED');
  });

  it('is one however often it is published, and takes from the budget once', async () => {
    const parent = await lead({ budget: { steps: 3 } });
    const { id } = await delegate(parent);
    const again = await delegate(parent, {}, id);
    expect(again.answer.body).toMatchObject({ id, state: expect.stringMatching(/^TASK_STATE_/) });
    expect((await delegate(parent)).answer.body['state']).toBe('TASK_STATE_SUBMITTED');
    expect((await delegate(parent)).answer.body['code']).toBe('BUDGET_EXCEEDED');
  });

  it('gives back what it did not use, when the next one asks', async () => {
    const parent = await lead({ budget: { steps: 6 } });
    const first = await delegate(parent, { budget: { steps: 5 } });
    await scene.api.inState(first.id, 'COMPLETED');
    const below = await leadBelow(parent, { budget: { steps: 4 } });
    expect((await scene.requester.event(parent.delegationId, 'childended')).data).toEqual({
      childId: first.id,
      used: { steps: 1, usd: '0.00', tokens: 0 },
    });
    expect((await delegate(parent)).answer.body['code']).toBe('BUDGET_EXCEEDED');
    await delegate(below);
    await boss.report(below, completed('led'));
    await scene.api.inState(below.delegationId, 'COMPLETED');
    expect((await delegate(parent, { budget: { steps: 2 } })).answer.body['state']).toBe('TASK_STATE_SUBMITTED');
  });

  it.each<[string, (offer: Offer) => Document]>([
    ['a forged lease', (offer) => ({ ...parentOf(offer), leaseId: newId() })],
    ['another attempt', (offer) => ({ ...parentOf(offer), attempt: 2 })],
    ['a step that is not there', (offer) => ({ ...parentOf(offer), stepId: 'b' })],
    ['a delegation that is not there', (offer) => ({ ...parentOf(offer), delegationId: newId() })],
  ])('is refused under %s', async (_what, parentDocument) => {
    const parent = await lead();
    const { id, answer } = await delegate(parent, { parent: parentDocument(parent) });
    expect(answer).toMatchObject({ contentType: 'application/problem+json', body: { code: 'PARENT_LEASE_NOT_CURRENT' } });
    expect((await scene.api.view(id)).state).toBe('TASK_STATE_REJECTED');
  });

  it('is refused when the attempt has ended', async () => {
    const parent = await lead();
    await boss.report(parent, completed('led'));
    await scene.api.inState(parent.delegationId, 'COMPLETED');
    expect((await delegate(parent)).answer.body).toMatchObject({ status: 409 });
  });

  it.each<[string, Document]>([
    ['deadline', { deadline: 'PT2H' }],
    ['depth', { depth: 2 }],
    ['steps', { steps: 10 }],
  ])('is refused when its %s is wider than what its parent has left', async (limit, budget) => {
    const parent = await lead({ budget: { deadline: 'PT1H', depth: 2, steps: 10 } });
    expect((await delegate(parent, { budget })).answer.body).toMatchObject({ code: 'BUDGET_EXCEEDED', limit });
    const narrower = await delegate(parent, { budget: { deadline: 'PT30M', depth: 1, steps: 9 } });
    expect(narrower.answer.body['state']).toBe('TASK_STATE_SUBMITTED');
  });

  it('is asked for as strictly as its parent, or more', async () => {
    const parent = await lead({ approval: 'irreversible' });
    const step = { steps: [{ id: 'a', capability: 'shout', irreversible: true }] };
    expect((await delegate(parent, { ...step, approval: 'never' })).answer.body['code']).toBe('WEAKER_APPROVAL');
    const { id } = await delegate(parent, step);
    await scene.api.inState(id, 'INPUT_REQUIRED');

    const approved = await lead({ approval: 'never' });
    await scene.api.inState((await delegate(approved, { ...step, approval: 'plan' })).id, 'INPUT_REQUIRED');
  });

  it('is given its deadline by its parent, and goes no deeper than allowed', async () => {
    const top = await lead({ budget: { deadline: 'PT1H', depth: 2 } });
    const middle = await leadBelow(top);
    const bottom = await leadBelow(middle, { budget: { steps: 5 } });
    expect((await delegate(bottom)).answer.body['code']).toBe('DEPTH_EXCEEDED');
    const budgets = await Promise.all([top, middle, bottom].map(({ delegationId }) => scene.requester.event(delegationId, 'requested')));
    expect(budgets.map(({ data }) => (data['budget'] as Document)['depth'])).toEqual([2, 1, 0]);
    expect(new Set(budgets.map(({ data }) => (data['budget'] as Document)['deadlineAt'])).size).toBe(1);
  });

  it('is refused when it asks for what an ancestor is at: A asks B, and B asks A', async () => {
    const top = await lead({ input: { year: 2026 } });
    const middle = await leadBelow(top, { input: { year: 2026 } });
    const round = { goal: 'Lead', input: { year: 2026 }, steps: one('lead') };
    const { id, answer } = await delegate(middle, round);
    expect(answer).toMatchObject({ contentType: 'application/problem+json', body: { code: 'DELEGATION_CYCLE', capability: 'lead' } });
    expect(await scene.api.view(id)).toMatchObject({ state: 'TASK_STATE_REJECTED', error: { code: 'DELEGATION_CYCLE' } });
    expect((await scene.requester.event(id, 'rejected')).data['code']).toBe('DELEGATION_CYCLE');
    expect((await delegate(middle, { ...round, input: { year: 2025 } })).answer.body['state']).toBe('TASK_STATE_SUBMITTED');
    const { data, text } = await scene.requester.event(middle.delegationId, 'requested');
    expect(data['lineage']).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(text).not.toContain('2026}');
  });

  it('ends with its parent, down to the workers of its own children', async () => {
    const top = await lead();
    const middle = await leadBelow(top);
    const bottom = await leadBelow(middle, { budget: { steps: 5 } });
    const canceled = await scene.api.post(`/api/delegations/${top.delegationId}/cancel`, { reason: 'no longer needed' });
    expect(canceled.body).toEqual({ id: top.delegationId, state: 'TASK_STATE_CANCELED' });
    for (const offer of [top, middle, bottom]) {
      await boss.control('cancel', offer.leaseId);
      await scene.api.inState(offer.delegationId, 'CANCELED');
    }
  });

  it('ends when the attempt that made it fails, and the next attempt makes its own', async () => {
    const first = await lead();
    const child = await leadBelow(first);
    await boss.report(first, { status: 'failed', error: { code: 'FLAKY', message: 'no luck' } });
    await boss.control('cancel', child.leaseId);
    await scene.api.inState(child.delegationId, 'CANCELED');
    const second = await boss.offer(({ delegationId, attempt }) => delegationId === first.delegationId && attempt === 2);
    const { id } = await delegate(second);
    await scene.api.inState(id, 'COMPLETED');
    await boss.report(second, completed('led'));
    await scene.api.inState(first.delegationId, 'COMPLETED');
  });

  it('that has succeeded stays so when its parent is canceled', async () => {
    const parent = await lead();
    const { id } = await delegate(parent);
    await scene.api.inState(id, 'COMPLETED');
    await scene.api.post(`/api/delegations/${parent.delegationId}/cancel`);
    await scene.api.inState(parent.delegationId, 'CANCELED');
    expect((await scene.api.view(id)).state).toBe('TASK_STATE_COMPLETED');
  });
});

describe('a planner', () => {
  const goal = 'Compare the three offers, check each against the policy, and then write one recommendation';
  let plan: Work = () => undefined;
  let planner: PlainWorker;

  beforeAll(async () => {
    planner = await scene.worker({ capabilities: [{ name: 'plan', concurrency: 8 }], work: (offer) => plan(offer) });
  });

  const graph = [
    { id: 'x', capability: 'shout', goal: 'compare' },
    { id: 'y', capability: 'shout', goal: 'check', input: 'policy' },
    { id: 'z', capability: 'shout', goal: 'recommend', dependsOn: ['x', 'y'] },
  ];

  it('is asked for the graph of a meta request, and its steps are carried out', async () => {
    plan = () => ({ status: 'completed', plan: graph });
    const { id } = await scene.requester.ask({ goal, input: 42, pattern: 'meta' });
    const view = await scene.api.inState(id, 'COMPLETED');
    expect(await planner.offer(({ delegationId }) => delegationId === id)).toMatchObject({ capability: 'plan', goal, input: 42 });
    expect(view).toMatchObject({ result: 'RECOMMEND', decision: { fallback: null } });
    const planned = await scene.requester.event(id, 'planned');
    expect(planned.data).toMatchObject({ by: 'planner', steps: graph.map(({ id: step, capability }) => ({ id: step, capability })) });
    expect(planned.text).not.toContain('recommend');
  });

  it('may be checked by a person before anything runs', async () => {
    plan = () => ({ status: 'completed', plan: graph });
    const { id } = await scene.requester.ask({ goal, pattern: 'meta', approval: 'plan' });
    const waiting = await scene.api.inState(id, 'INPUT_REQUIRED');
    expect(waiting.steps.filter(({ attempt }) => attempt > 0).map(({ capability }) => capability)).toEqual(['plan']);
    await (await scene.requester.command(id, { type: 'approve' }, 'grace')).answer();
    expect((await scene.api.inState(id, 'COMPLETED')).result).toBe('RECOMMEND');
  });

  it.each<[string, Document]>([
    ['answers without steps', { status: 'completed', output: 'do it yourself' }],
    ['plans a cycle', { status: 'completed', plan: [{ id: 'x', capability: 'shout', dependsOn: ['x'] }] }],
    ['plans what nobody can', { status: 'completed', plan: [{ id: 'x', capability: 'levitate' }] }],
    ['fails', { status: 'failed', error: { code: 'NO_IDEA', message: 'none', retryable: false } }],
  ])('that %s is replaced by plain delegation, which an event says', async (_how, result) => {
    plan = () => result;
    const { id } = await scene.requester.ask({ goal: 'shout out loud', pattern: 'meta' });
    const fellBack = await scene.requester.event(id, 'fellback');
    expect(fellBack.data).toMatchObject({ reason: 'PLANNER_FAILED' });
    if (fellBack.data['capability'] === 'lead')
      await boss.report(await boss.offer(({ delegationId }) => delegationId === id), completed('x'));
    expect(await scene.api.inState(id, 'COMPLETED')).toMatchObject({ pattern: 'direct', decision: { fallback: 'PLANNER_FAILED' } });
  });
});
