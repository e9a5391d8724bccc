/** How workers do, from outside: it is shown, steps go to the better one, and what is surely bad is proposed for quarantine. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import type { Document } from './plain-requester.js';
import { completed, type Capability, type PlainWorker, type Work } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

const fails: Work = () => ({ status: 'failed', error: { code: 'BROKEN', message: 'it is broken', retryable: false } });
const succeeds: Work = () => completed('done');

let count = 0;
const newCapability = (): string => `judged-${++count}`;
const worker = (name: string, work: Work, more: Partial<Capability> = {}): Promise<PlainWorker> =>
  scene.worker({ capabilities: [{ name, concurrency: 20, ...more }], work });

/** Delegations of one step each, all of which have ended. */
const run = async (capability: string, number: number): Promise<void> => {
  const asked = await Promise.all(
    Array.from({ length: number }, () => scene.requester.ask({ goal: 'judge', steps: [{ id: 'a', capability, maxAttempts: 1 }] })),
  );
  for (const { id } of asked)
    await until(async () => /COMPLETED|FAILED/.test((await scene.api.view(id)).state), { what: `${id} to end`, timeoutMs: 15_000 });
};

interface Agent {
  instance: string;
  mode: string;
  capabilities: { name: string; proposal?: string; reputation: { successRate: number | null; observations: number } | null }[];
}
const agent = async ({ instance }: PlainWorker): Promise<Agent> => {
  const { body } = await scene.api.get<{ items: Agent[] }>('/api/agents');
  return body.items.find((one) => one.instance === instance) as Agent;
};
const observed = (of: PlainWorker, observations: number): Promise<Agent> =>
  until(
    async () => {
      const found = await agent(of);
      return (found.capabilities[0]?.reputation?.observations ?? 0) >= observations && found;
    },
    { what: `${observations} attempts of ${of.instance} in the figures`, timeoutMs: 15_000 },
  );
const proposalOf = (of: PlainWorker): Promise<string> =>
  until(async () => (await agent(of)).capabilities[0]?.proposal, { what: `a proposal about ${of.instance}`, timeoutMs: 15_000 });
const events = async (type: string): Promise<Document[]> =>
  (await scene.query("SELECT convert_from(canonical, 'UTF8')::jsonb AS envelope FROM es.event WHERE position > 0 ORDER BY position")).rows
    .map(({ envelope }) => envelope as Document & { type: string })
    .filter((envelope) => envelope['type'] === `dev.mandate.${type}.v1`);

describe('a worker', () => {
  it('is known by what came of its attempts, and the better one gets the steps', async () => {
    const capability = newCapability();
    const bad = await worker(capability, fails);
    await run(capability, 12);
    expect((await observed(bad, 12)).capabilities[0]?.reputation).toMatchObject({
      successRate: 0,
      outcomes: { succeeded: 0, failed: expect.any(Number) },
      latencyMs: null,
    });
    const good = await worker(capability, succeeds);
    await run(capability, 15);
    const before = bad.offers.length;
    await observed(good, 3);
    for (let round = 0; round < 5; round++) await run(capability, 8);
    expect(bad.offers.length - before).toBeLessThan(10);
    expect((await observed(good, 30)).capabilities[0]?.reputation).toMatchObject({ successRate: 1, latencyMs: expect.any(Number) });
  });

  it('that is surely bad is proposed for quarantine, with the figures, and stays as it is until somebody decides', async () => {
    const capability = newCapability();
    const bad = await worker(capability, fails);
    await run(capability, 19);
    await observed(bad, 19);
    expect((await agent(bad)).capabilities[0]).not.toHaveProperty('proposal');
    await run(capability, 6);
    const id = await proposalOf(bad);
    expect((await agent(bad)).mode).toBe('active');
    const overview = await scene.api.get<{ proposals: Document[] }>('/api/agents/reputation');
    expect(overview.body.proposals.find((proposal) => proposal['id'] === id)).toMatchObject({
      instance: bad.instance,
      capability,
      state: 'open',
      decided: null,
      evidence: { floor: 0.5, minVolume: 20, halfLife: 'PT6H', peers: null, figures: { successRate: 0 } },
    });

    const accepted = await scene.api.post(`/api/agents/proposals/${id}/accept`, {}, { 'Mandate-Principal': 'olga' });
    expect(accepted.body).toMatchObject({ id, state: 'accepted', decided: { by: 'olga' } });
    await until(async () => (await agent(bad)).mode === 'quarantined', { what: 'the quarantine' });
    const [moded] = await events('policy.workermoded');
    expect(moded).toMatchObject({ data: { instance: bad.instance, mode: 'quarantined', proposal: id, by: 'olga' } });
    expect(await scene.api.post(`/api/agents/proposals/${id}/dismiss`, { reason: 'too late' })).toMatchObject({
      status: 409,
      body: { code: 'PROPOSAL_DECIDED' },
    });
  });

  it('whose proposal was dismissed is not proposed again by more of the same', async () => {
    const capability = newCapability();
    const bad = await worker(capability, fails);
    await run(capability, 25);
    const id = await proposalOf(bad);
    expect((await scene.api.post(`/api/agents/proposals/${id}/dismiss`, {})).status).toBe(400);
    const dismissed = await scene.api.post(`/api/agents/proposals/${id}/dismiss`, { reason: 'the index is being rebuilt' });
    expect(dismissed.body).toMatchObject({ state: 'dismissed', decided: { reason: 'the index is being rebuilt' } });
    await run(capability, 5);
    await observed(bad, 30);
    const proposed = (await events('reputation.quarantineproposed')).filter(({ data }) => (data as Document)['capability'] === capability);
    expect(proposed).toHaveLength(1);
    expect((await agent(bad)).mode).toBe('active');
  });

  it('has the same figures when they are made anew from the log', async () => {
    const rows = async (): Promise<unknown> =>
      (await scene.query('SELECT * FROM rm.worker_reputation ORDER BY tenant, instance, capability')).rows;
    const head = Number((await scene.query('SELECT max(position) AS head FROM es.event')).rows[0]?.['head']);
    await until(
      async () =>
        Number((await scene.query("SELECT position FROM es.checkpoint WHERE subscription = 'worker-reputation'")).rows[0]?.['position']) >=
        head,
      { what: 'the projection to have read all' },
    );
    const before = await rows();
    expect(before).toHaveLength(4);
    expect((await scene.api.post('/api/agents/reputation/rebuild')).body).toMatchObject({ projection: 'worker-reputation' });
    expect(await rows()).toEqual(before);
  });
});
