/** Flow control from outside: what is limited waits, says why, and goes on by itself. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import type { Document } from './plain-requester.js';
import { completed, type Offer, type PlainWorker } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

const DEATHS = 4;

let count = 0;
/** A worker that keeps what it is offered until the test reports it. */
const holding = async (concurrency = 8): Promise<{ worker: PlainWorker; capability: string }> => {
  const capability = `flow-${++count}`;
  return { capability, worker: await scene.worker({ capabilities: [{ name: capability, concurrency }], work: () => undefined }) };
};
const ask = async (capability: string, more: Document = {}): Promise<string> =>
  (await scene.requester.ask({ goal: 'wait', steps: [{ id: 'a', capability }], ...more })).id;
const change = async (document: Document): Promise<Document> => {
  const { status, body } = await scene.api.post('/api/scheduling', document, { 'Mandate-Principal': 'olga' });
  expect(status).toBe(200);
  return body;
};
const offered = (worker: PlainWorker, id: string): Promise<Offer> =>
  until(() => worker.offers.findLast(({ delegationId }) => delegationId === id), { what: `an offer of ${id}` });
const waiting = (id: string): Promise<Document> =>
  until(async () => ((await scene.api.view(id)).steps[0] as { waiting?: Document } | undefined)?.waiting, { what: `${id} to wait` });
const finish = async (worker: PlainWorker, id: string): Promise<void> => {
  await worker.report(await offered(worker, id), completed('done'));
  await scene.api.inState(id, 'COMPLETED');
};

describe('a limit', () => {
  it('of a capability holds up the second, says which and who has the slot, and lets it go on', async () => {
    const { worker, capability } = await holding();
    await change({ type: 'set-limit', kind: 'capability', name: capability, max: 1, reason: 'the index is slow' });
    const first = await ask(capability);
    await offered(worker, first);
    const second = await ask(capability);
    expect(await waiting(second)).toMatchObject({
      position: 1,
      priority: 4,
      blockedBy: { kind: 'limit', limit: 'capability', name: capability, max: 1, running: 1 },
      holders: [{ delegationId: first, stepId: 'a', worker: worker.instance }],
    });
    await finish(worker, first);
    await finish(worker, second);
  });

  it('of a key holds up only those with the key, also when they were first', async () => {
    const { worker, capability } = await holding();
    await change({ type: 'set-limit', kind: 'key', name: 'customer-7', max: 1 });
    const first = await ask(capability, { concurrencyKey: 'customer-7' });
    await offered(worker, first);
    const second = await ask(capability, { concurrencyKey: 'customer-7' });
    expect(await waiting(second)).toMatchObject({ blockedBy: { kind: 'limit', limit: 'key', name: 'customer-7' } });
    const other = await ask(capability, { concurrencyKey: 'customer-8' });
    const none = await ask(capability);
    await Promise.all([finish(worker, other), finish(worker, none)]);
    await finish(worker, first);
    await finish(worker, second);
  });

  it('of the whole tenant goes to the most urgent, whatever it is for', async () => {
    const [one, other] = [await holding(), await holding()];
    await change({ type: 'set-limit', kind: 'tenant', max: 1 });
    const first = await ask(one.capability);
    await offered(one.worker, first);
    const low = await ask(one.capability, { priority: 0 });
    const high = await ask(other.capability, { priority: 9 });
    for (const id of [low, high]) expect(await waiting(id)).toMatchObject({ blockedBy: { kind: 'limit', limit: 'tenant', max: 1 } });
    await finish(one.worker, first);
    await offered(other.worker, high);
    expect(one.worker.offers.map(({ delegationId }) => delegationId)).toEqual([first]);
    await finish(other.worker, high);
    await finish(one.worker, low);
    await change({ type: 'remove-limit', kind: 'tenant' });
  });

  it('that is lifted applies within a second, without anything else happening', async () => {
    const { worker, capability } = await holding();
    await change({ type: 'set-limit', kind: 'capability', name: capability, max: 0 });
    const id = await ask(capability);
    expect(await waiting(id)).toMatchObject({ blockedBy: { kind: 'limit', max: 0 } });
    const lifted = performance.now();
    await change({ type: 'remove-limit', kind: 'capability', name: capability });
    await offered(worker, id);
    expect(performance.now() - lifted).toBeLessThan(1_000);
    await finish(worker, id);
  });

  it('of the worker’s own slots is told as what it is', async () => {
    const { worker, capability } = await holding(1);
    const first = await ask(capability);
    await offered(worker, first);
    const second = await ask(capability);
    expect(await waiting(second)).toMatchObject({ blockedBy: { kind: 'busy', capability, slots: 1 }, holders: [{ delegationId: first }] });
    await finish(worker, first);
    await finish(worker, second);
  });
});

describe('priority', () => {
  it('goes first among those who wait, whoever came first', async () => {
    const { worker, capability } = await holding(1);
    const first = await ask(capability);
    await offered(worker, first);
    const low = await ask(capability, { priority: 0 });
    const usual = await ask(capability);
    const high = await ask(capability, { priority: 9 });
    await until(async () => (await scene.query('SELECT FROM es.waiting WHERE capability = $1', [capability])).rows.length === 3, {
      what: 'three to wait',
    });
    expect([(await waiting(high))['position'], (await waiting(usual))['position'], (await waiting(low))['position']]).toEqual([1, 2, 3]);
    for (const id of [first, high, usual, low]) await finish(worker, id);
    expect(worker.offers.map(({ delegationId }) => delegationId)).toEqual([first, high, usual, low]);
  });
});

describe('a rate', () => {
  it('spreads what comes after the burst', async () => {
    const { worker, capability } = await holding();
    await change({ type: 'set-rate', kind: 'capability', name: capability, burst: 2, perSecond: 4 });
    const ids = await Promise.all([1, 2, 3, 4].map(() => ask(capability)));
    const started = performance.now();
    await Promise.all(ids.map((id) => finish(worker, id)));
    expect(performance.now() - started).toBeGreaterThan(300);
  });
});

describe('a pause', () => {
  it('holds up a capability with its reason, and is resumed', async () => {
    const { worker, capability } = await holding();
    await change({ type: 'pause', kind: 'capability', name: capability, reason: 'maintenance' });
    const id = await ask(capability);
    expect(await waiting(id)).toMatchObject({ blockedBy: { kind: 'paused', what: 'capability', reason: 'maintenance' } });
    await change({ type: 'resume', kind: 'capability', name: capability });
    await finish(worker, id);
  });
});

describe('a worker', () => {
  it('that drains finishes what it has and gets nothing new', async () => {
    const { worker, capability } = await holding();
    const first = await ask(capability);
    await offered(worker, first);
    await change({ type: 'mode-worker', instance: worker.instance, mode: 'draining' });
    const second = await ask(capability);
    expect(await waiting(second)).toMatchObject({ blockedBy: { kind: 'worker-mode', worker: worker.instance, mode: 'draining' } });
    await finish(worker, first);
    const substitute = await scene.worker({ capabilities: [capability] });
    await scene.api.inState(second, 'COMPLETED');
    expect(substitute.offers).toHaveLength(1);
  });

  it('in quarantine loses what it has to another one', async () => {
    const { worker, capability } = await holding();
    const id = await ask(capability);
    const { leaseId } = await offered(worker, id);
    const substitute = await scene.worker({ capabilities: [capability], work: () => undefined });
    await change({ type: 'mode-worker', instance: worker.instance, mode: 'quarantined', reason: 'it invents results' });
    await until(() => worker.controls.find((control) => control.leaseId === leaseId && control.type === 'cancel'), {
      what: 'the worker to be told',
    });
    await worker.report(worker.offers[0] as Offer, completed('invented'));
    await finish(substitute, id);
    expect((await scene.api.view(id)).result).toBe('done');
  });

  it('in quarantine hears of nothing but cancels', async () => {
    const { worker, capability } = await holding();
    const first = await ask(capability);
    await offered(worker, first);
    await change({ type: 'mode-worker', instance: worker.instance, mode: 'quarantined' });
    const second = await ask(capability);
    for (const id of [first, second]) expect(await waiting(id)).toMatchObject({ blockedBy: { kind: 'worker-mode', mode: 'quarantined' } });
    expect(worker.offers.map(({ delegationId }) => delegationId)).toEqual([first]);
    expect(new Set(worker.controls.map(({ type }) => type))).toEqual(new Set(['cancel', 'lease-lost']));
    await change({ type: 'mode-worker', instance: worker.instance, mode: 'active' });
    await until(() => worker.offers.length === 3, { what: 'both to be offered again' });
    for (const id of [first, second]) await finish(worker, id);
  });

  it('that dies again and again with its hands full leaves no slot behind', async () => {
    const capability = `flow-${++count}`;
    const start = (): Promise<PlainWorker> =>
      scene.worker({ instance: 'mortal', capabilities: [{ name: capability, concurrency: 2 }], work: () => undefined });
    await change({ type: 'set-limit', kind: 'capability', name: capability, max: 2 });
    let worker = await start();
    const ids = [await ask(capability), await ask(capability)];
    for (let deaths = 0; deaths < DEATHS; deaths++) {
      for (const id of ids) await offered(worker, id);
      worker.stop();
      worker = await start();
    }
    for (const id of ids) await finish(worker, id);
    expect((await scene.query('SELECT FROM es.slot WHERE capability = $1', [capability])).rows).toEqual([]);
    const next = await ask(capability);
    await finish(worker, next);
    const { body } = await scene.api.get('/api/scheduling');
    expect(body['limits']).toContainEqual({ kind: 'capability', name: capability, max: 2, running: 0 });
  }, 60_000);
});

describe('the policy', () => {
  it('is an event each change, with who and why, and is shown with what runs under it', async () => {
    const { worker, capability } = await holding();
    const id = await ask(capability);
    await offered(worker, id);
    const view = await change({ type: 'set-limit', kind: 'capability', name: capability, max: 5, reason: 'for the record' });
    expect(view['limits']).toContainEqual({ kind: 'capability', name: capability, max: 5, running: 1 });
    const { rows } = await scene.query(
      `SELECT convert_from(canonical, 'UTF8')::jsonb AS event FROM es.event WHERE type = 'dev.mandate.policy.limitset.v1' ORDER BY position DESC LIMIT 1`,
    );
    expect(rows[0]?.['event']).toMatchObject({
      data: { kind: 'capability', name: capability, max: 5, by: 'olga', reason: 'for the record' },
      actor: { kind: 'operator', id: 'olga' },
    });
    await finish(worker, id);
  });
});
