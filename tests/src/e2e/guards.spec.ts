/** Retry budgets, circuit breakers and substitutes from outside. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import type { Document } from './plain-requester.js';
import { completed, type Offer, type PlainWorker, type Work } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

let count = 0;
const fresh = (): string => `guard-${++count}`;
const failing: Work = () => ({ status: 'failed', error: { code: 'BAD_DAY', message: 'it rained', retryable: true } });
const holding: Work = () => undefined;
const start = (capability: string, work: Work): Promise<PlainWorker> =>
  scene.worker({ capabilities: [{ name: capability, concurrency: 50 }], work });
const ask = async (capability: string, step: Document = {}, more: Document = {}): Promise<string> =>
  (await scene.requester.ask({ goal: 'try', steps: [{ id: 'a', capability, maxAttempts: 1, ...step }], ...more })).id;
const asked = (capability: string, times: number, step: Document = {}): Promise<string[]> =>
  Promise.all(Array.from({ length: times }, () => ask(capability, step)));
const change = async (document: Document, status = 200): Promise<Document> => {
  const answer = await scene.api.post('/api/scheduling', document, { 'Mandate-Principal': 'olga' });
  expect(answer.status).toBe(status);
  return answer.body;
};
const scheduling = async (): Promise<{ breakers: Document[]; retriesHeld: Document[] }> =>
  (await scene.api.get<{ breakers: Document[]; retriesHeld: Document[] }>('/api/scheduling')).body;
const breakerOf = async (capability: string, kind: string): Promise<Document | undefined> =>
  (await scheduling()).breakers.find((breaker) => breaker['capability'] === capability && breaker['kind'] === kind);
const inState = (capability: string, kind: string, state: string): Promise<unknown> =>
  until(async () => ((await breakerOf(capability, kind))?.['state'] ?? 'closed') === state, { what: `${capability} to be ${state}` });
const waiting = (id: string): Promise<Document> =>
  until(async () => ((await scene.api.view(id)).steps[0] as { waiting?: Document } | undefined)?.waiting, { what: `${id} to wait` });
const offered = (worker: PlainWorker, id: string): Promise<Offer> => worker.offer(({ delegationId }) => delegationId === id);
const eventsOf = async (type: string, capability: string): Promise<Document[]> => {
  const { rows } = await scene.query(
    `SELECT convert_from(canonical, 'UTF8')::jsonb AS event FROM es.event WHERE type = $1 ORDER BY position`,
    [`dev.mandate.${type}.v1`],
  );
  const events = rows.map(({ event }) => event as { data: Document; actor: Document });
  return events.filter(({ data }) => data['capability'] === capability) as unknown as Document[];
};
/** Ten failed attempts of its only worker. */
const broken = async (capability: string): Promise<PlainWorker> => {
  const worker = await start(capability, failing);
  for (const id of await asked(capability, 10)) await scene.api.inState(id, 'FAILED');
  await inState(capability, 'worker', 'open');
  return worker;
};

describe('a breaker of a worker', () => {
  it('opens by its failures, on record, and what is asked then waits and says for what', async () => {
    const capability = fresh();
    const worker = await broken(capability);
    const id = await ask(capability);
    expect(await waiting(id)).toMatchObject({
      reason: 'first',
      blockedBy: {
        ...{ kind: 'breaker', breaker: 'worker', name: worker.instance, state: 'open' },
        ...{ since: expect.stringMatching(/Z$/), triesAt: expect.stringMatching(/Z$/) },
      },
    });
    const [opened] = await eventsOf('policy.breakeropened', capability);
    expect(opened).toMatchObject({
      data: {
        ...{ kind: 'worker', name: worker.instance, capability, openings: 1, failures: 10, volume: 10, windowMs: 60_000 },
        ...{ by: 'scheduler', reason: '10 of 10 attempts failed within 60 s' },
      },
      actor: { kind: 'service', id: 'delegation-engine' },
    });
    expect(worker.offers).toHaveLength(10);
    await scene.api.post(`/api/delegations/${id}/cancel`, {});
  });

  it('leaves what is asked to the others', async () => {
    const capability = fresh();
    const bad = await broken(capability);
    const good = await start(capability, () => completed('done'));
    for (const id of await asked(capability, 5)) await scene.api.inState(id, 'COMPLETED');
    expect([bad.offers.length, good.offers.length]).toEqual([10, 5]);
  });

  it('lets one attempt through after a while, and closes when that goes well', async () => {
    const capability = fresh();
    let isWell = false;
    const rule = { failurePercent: 50, volume: 3, window: 'PT1M', openFor: 'PT1S', probes: 1 };
    const worker = await start(capability, (offer) => (isWell ? undefined : failing(offer)));
    await change({ type: 'set-breaker', kind: 'worker', name: worker.instance, ...rule });
    for (const id of await asked(capability, 3)) await scene.api.inState(id, 'FAILED');
    await inState(capability, 'worker', 'open');
    isWell = true;
    const [first, second] = (await asked(capability, 2)) as [string, string];
    const probe = await worker.offer(({ delegationId }) => [first, second].includes(delegationId));
    const other = probe.delegationId === first ? second : first;
    expect(await waiting(other)).toMatchObject({ blockedBy: { kind: 'breaker', breaker: 'worker', state: 'half-open' } });
    await worker.report(probe, completed('done'));
    await worker.report(await offered(worker, other), completed('done'));
    for (const id of [first, second]) await scene.api.inState(id, 'COMPLETED');
    await inState(capability, 'worker', 'closed');
    for (const type of ['breakeropened', 'breakerhalfopened', 'breakerclosed'])
      expect(await eventsOf(`policy.${type}`, capability)).toHaveLength(1);
  });

  it('takes no final error of a worker for a failure', async () => {
    const capability = fresh();
    await start(capability, () => ({ status: 'failed', error: { code: 'NO_SUCH_BOOK', message: 'none', retryable: false } }));
    for (const id of await asked(capability, 25)) await scene.api.inState(id, 'FAILED');
    const id = await ask(capability);
    await scene.api.inState(id, 'FAILED');
    expect(await eventsOf('policy.breakeropened', capability)).toEqual([]);
  });
});

describe('a breaker of a capability', () => {
  it('opens when all of its workers fail, whoever they are', async () => {
    const capability = fresh();
    await change({ type: 'set-breaker', kind: 'worker', name: '*', failurePercent: 100 });
    await Promise.all(['a', 'b', 'c'].map(() => start(capability, failing)));
    for (const id of await asked(capability, 20)) await scene.api.inState(id, 'FAILED');
    await inState(capability, 'capability', 'open');
    expect(await waiting(await ask(capability))).toMatchObject({ blockedBy: { kind: 'breaker', breaker: 'capability', name: capability } });
    await change({ type: 'remove-breaker', kind: 'worker', name: '*' });
  });

  it('is opened and closed by operators, on record, and is refused where it is not one', async () => {
    const capability = fresh();
    const worker = await start(capability, () => completed('done'));
    const opened = await change({ type: 'open-breaker', kind: 'capability', name: capability, reason: 'the index is rebuilt' });
    expect(opened['breakers']).toContainEqual({
      ...{ kind: 'capability', name: capability, capability, state: 'open', openings: 1, triesAt: null },
      ...{ since: expect.any(String), reason: 'the index is rebuilt' },
    });
    const id = await ask(capability);
    expect(await waiting(id)).toMatchObject({ blockedBy: { kind: 'breaker', breaker: 'capability', name: capability, state: 'open' } });
    await change({ type: 'close-breaker', kind: 'capability', name: capability });
    await scene.api.inState(id, 'COMPLETED');
    expect(worker.offers).toHaveLength(1);
    expect(await eventsOf('policy.breakerclosed', capability)).toMatchObject([{ data: { by: 'olga' }, actor: { id: 'olga' } }]);
    for (const wrong of [
      { type: 'open-breaker', kind: 'capability', name: '*' },
      { type: 'open-breaker', kind: 'worker', name: 'w1' },
      { type: 'open-breaker', kind: 'key', name: 'k' },
      { type: 'set-breaker', kind: 'worker', name: '*', window: 'PT2H' },
      { type: 'set-breaker', kind: 'worker', name: '*', failurePercent: 101 },
      { type: 'set-substitute', capability: 'a', substitute: 'a' },
      { type: 'set-substitute', capability: 'a' },
      { type: 'set-retry-budget', name: 'a', percent: 10 },
    ])
      expect(await change(wrong, 400)).toMatchObject({ code: 'INVALID_FIELD' });
  });
});

describe('a substitute', () => {
  it('takes the steps while the breaker is open, is named in the event and shown, and is not offered what was approved of', async () => {
    const [capability, substitute] = [fresh(), fresh()];
    const own = await start(capability, holding);
    const other = await start(substitute, () => completed('found elsewhere'));
    await change({ type: 'set-substitute', capability, substitute, reason: 'better than nothing' });
    await change({ type: 'open-breaker', kind: 'capability', name: capability });
    const id = await ask(capability);
    await scene.api.inState(id, 'COMPLETED');
    expect((await scene.api.view(id)).steps).toMatchObject([{ capability, substitute, worker: other.instance }]);
    expect(other.offers).toMatchObject([{ capability: substitute, delegationId: id }]);
    const dispatched = (await scene.api.events(id)).find(({ type }) => type === 'dev.mandate.delegation.stepdispatched.v1');
    expect(dispatched?.data).toMatchObject({ capability: substitute, substituteFor: capability });
    const risky = await ask(capability, { irreversible: true });
    const { approvals } = await scene.api.inState(risky, 'INPUT_REQUIRED');
    await scene.api.post(`/api/delegations/${risky}/approve`, { digest: approvals?.[0]?.digest });
    expect(await waiting(risky)).toMatchObject({ blockedBy: { kind: 'breaker', name: capability } });
    await change({ type: 'close-breaker', kind: 'capability', name: capability });
    await own.report(await offered(own, risky), completed('done'));
    await scene.api.inState(risky, 'COMPLETED');
    expect((await scene.query('SELECT FROM es.slot WHERE capability = ANY($1)', [[capability, substitute]])).rows).toEqual([]);
  });

  it('takes also what waited for the breaker when it comes', async () => {
    const [capability, substitute] = [fresh(), fresh()];
    await start(capability, holding);
    await change({ type: 'open-breaker', kind: 'capability', name: capability });
    const id = await ask(capability);
    await waiting(id);
    await change({ type: 'set-substitute', capability, substitute });
    await start(substitute, () => completed('late, but there'));
    await scene.api.inState(id, 'COMPLETED');
  });
});

describe('a retry budget', () => {
  it('holds retries back, not first attempts, on record and with the reason, and loses none of them', async () => {
    const capability = fresh();
    await change({ type: 'set-retry-budget', name: capability, percent: 0, perMinute: 2, reason: 'it is fragile' });
    await change({ type: 'set-breaker', kind: 'worker', name: '*', failurePercent: 100 });
    let isWell = false;
    const worker = await start(capability, (offer) => (isWell ? completed('done') : failing(offer)));
    const ids = await asked(capability, 3, { maxAttempts: 5 });
    const held = await until(
      async () => {
        const views = await Promise.all(ids.map((id) => scene.api.view(id)));
        const steps = views.map(({ steps }) => steps[0] as { waiting?: Document } | undefined);
        return steps.every((step) => step?.waiting) && steps;
      },
      { what: 'all three to wait for the budget' },
    );
    expect(held[0]?.waiting).toMatchObject({
      reason: 'retry',
      blockedBy: { kind: 'retry-budget', capability, retries: 2, allowed: 2, traffic: 3, readyAt: expect.stringMatching(/Z$/) },
    });
    expect(worker.offers).toHaveLength(5);
    isWell = true;
    const first = await ask(capability);
    await scene.api.inState(first, 'COMPLETED');
    const [event, ...more] = await eventsOf('policy.retriesheld', capability);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      data: { ...{ retries: 2, allowed: 2, windowMs: 60_000, by: 'scheduler' }, reason: expect.stringContaining('retry budget spent') },
    });
    expect((await scheduling()).retriesHeld).toContainEqual({ capability, at: expect.any(String) });
    await change({ type: 'set-retry-budget', name: capability, percent: 0, perMinute: 10 });
    for (const id of ids) await scene.api.inState(id, 'COMPLETED');
    await change({ type: 'remove-breaker', kind: 'worker', name: '*' });
  });

  it('counts no attempt that is made again because its worker was lost', async () => {
    const capability = fresh();
    await change({ type: 'set-retry-budget', name: capability, percent: 0, perMinute: 0 });
    const mortal = (): Promise<PlainWorker> =>
      scene.worker({ instance: `mortal-${capability}`, capabilities: [capability], work: holding });
    const first = await mortal();
    const id = await ask(capability);
    await offered(first, id);
    first.stop();
    const second = await mortal();
    await second.report(await offered(second, id), completed('done'));
    await scene.api.inState(id, 'COMPLETED');
    const retried = await ask(capability, { maxAttempts: 2 });
    await second.report(await offered(second, retried), failing({} as Offer) as Document);
    expect(await waiting(retried)).toMatchObject({ blockedBy: { kind: 'retry-budget', allowed: 0 } });
    await change({ type: 'remove-retry-budget', name: capability });
    const again = await second.offer(({ delegationId, attempt }) => delegationId === retried && attempt === 2);
    await second.report(again, completed('done'));
    await scene.api.inState(retried, 'COMPLETED');
  }, 30_000);
});
