/** Section 3.2 of the contract, from outside: offers that nobody takes, leases that end, and reports that come too late. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId, type Document } from './plain-requester.js';
import { completed, PlainWorker, type Capability, type Offer, type WorkerOptions } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

let capabilities = 0;
const newCapability = (effects = 'idempotent'): Capability => ({ name: `attempt-${++capabilities}`, effects });
const work = (capability: Capability, options: Partial<WorkerOptions> = {}): Promise<PlainWorker> =>
  scene.worker({ capabilities: [capability], ...options });
const ask = async ({ name }: Capability, step: Document = {}, fields: Document = {}): Promise<string> =>
  (await scene.requester.ask({ goal: 'try', steps: [{ id: 'a', capability: name, ...step }], ...fields })).id;
const hang: Partial<WorkerOptions> = { work: () => undefined };

/** Three beats go by in which only these workers are heard. */
const missThreeBeats = async (heard: PlainWorker[], meanwhile?: () => Promise<unknown>): Promise<void> => {
  for (let beat = 0; beat < 3; beat++) {
    scene.engine.clock.advance(5_100);
    const now = scene.engine.clock.now();
    await meanwhile?.();
    for (const worker of heard) worker.beat();
    await until(() => heardSince(now, heard), { what: 'the beats to be heard' });
  }
};

const heardSince = async (since: number, workers: PlainWorker[]): Promise<boolean> => {
  const { items } = (await scene.api.get<{ items: { instance: string; lastSeenAt: string }[] }>('/api/agents')).body;
  return workers.every(({ instance }) => items.some((agent) => agent.instance === instance && Date.parse(agent.lastSeenAt) >= since));
};

const agentState = async ({ instance }: PlainWorker): Promise<unknown> => {
  const { items } = (await scene.api.get<{ items: Document[] }>('/api/agents')).body;
  return items.find((agent) => agent['instance'] === instance)?.['state'];
};

describe('an offer', () => {
  it('that is declined goes to another worker under a new lease', async () => {
    const capability = newCapability();
    let refusals = 1;
    const answer = (): { accepted: boolean } => ({ accepted: refusals-- <= 0 });
    const workers = await Promise.all([work(capability, { answer }), work(capability, { answer })]);
    const id = await ask(capability);
    const view = await scene.api.inState(id, 'COMPLETED');
    const offers = await Promise.all(workers.map((worker) => worker.offer()));
    expect(new Set(offers.map(({ leaseId }) => leaseId)).size).toBe(2);
    expect(offers.map(({ stepId, attempt }) => ({ stepId, attempt }))).toEqual(Array(2).fill({ stepId: view.steps[0]?.id, attempt: 1 }));
    expect(workers.map(({ offers: { length } }) => length)).toEqual([1, 1]);
  });

  it('that only one worker can take comes back to it', async () => {
    const capability = newCapability();
    let refusals = 2;
    const busy = await work(capability, { answer: () => ({ accepted: refusals-- <= 0 }) });
    const id = await ask(capability);
    await scene.api.inState(id, 'COMPLETED');
    expect(busy.offers).toHaveLength(3);
    expect(new Set(busy.offers.map(({ leaseId }) => leaseId)).size).toBe(3);
  });

  it('that is not answered within two seconds goes to another worker', async () => {
    const capability = newCapability();
    const silent = await work(capability, { answer: () => 'silence' });
    const before = performance.now();
    const id = await ask(capability);
    await silent.offer();
    const willing = await work(capability);
    const view = await scene.api.inState(id, 'COMPLETED');
    expect(performance.now() - before).toBeGreaterThan(1_900);
    expect(view.steps[0]).toMatchObject({ attempt: 1, worker: willing.instance });
    expect((await willing.offer()).leaseId).not.toBe((await silent.offer()).leaseId);
  });

  it('waits for a worker of its capability, and is made when one comes', async () => {
    const capability = newCapability();
    const leaving = await work(capability);
    leaving.stop();
    const id = await ask(capability);
    await scene.requester.event(id, 'stepretried');
    const coming = await work(capability);
    expect((await scene.api.inState(id, 'COMPLETED')).steps[0]).toMatchObject({ worker: coming.instance });
  });

  it('is not made while every worker of its capability is lost', async () => {
    const capability = newCapability();
    const leaving = await work(capability);
    leaving.fallSilent();
    await missThreeBeats([]);
    await until(async () => (await agentState(leaving)) === 'lost', { what: 'the worker to be lost' });
    const id = await ask(capability);
    await scene.api.inState(id, 'SUBMITTED');
    await work(capability);
    await scene.api.inState(id, 'COMPLETED');
    expect(leaving.offers).toEqual([]);
  });

  it('that nobody was there for until the deadline fails for want of a worker', async () => {
    const capability = newCapability();
    (await work(capability)).stop();
    const id = await ask(capability, {}, { budget: { deadline: 'PT3S' } });
    expect((await scene.api.inState(id, 'FAILED')).error?.code).toBe('NO_WORKER');
  });
});

describe('a deadline', () => {
  it('of the delegation ends what runs', async () => {
    const capability = newCapability();
    const slow = await work(capability, hang);
    const id = await ask(capability, {}, { budget: { deadline: 'PT1S' } });
    const { leaseId } = await slow.offer();
    expect((await scene.api.inState(id, 'FAILED')).error?.code).toBe('DEADLINE_EXCEEDED');
    await slow.control('cancel', leaseId);
  });

  it('of a step ends its attempt, and another one begins', async () => {
    const capability = newCapability();
    const slow = await work(capability, { work: ({ attempt }) => (attempt === 1 ? undefined : completed('in time')) });
    const id = await ask(capability, { timeout: 'PT1S' });
    expect(await scene.api.inState(id, 'COMPLETED')).toMatchObject({ result: 'in time', steps: [{ attempt: 2 }] });
    const { leaseId } = await slow.offer();
    await slow.control('lease-lost', leaseId);
    expect((await scene.requester.event(id, 'steptimedout')).data).toMatchObject({ stepId: 'a', attempt: 1, timeout: 'start-to-close' });
  });
});

describe('a report', () => {
  const parkedWith = (offer: { resultSubject: string }, reason: string, count = 1): Promise<unknown> =>
    until(async () => (await scene.parked(offer.resultSubject)).filter((found) => found === reason).length === count, {
      what: `${reason} among the dead letters`,
    });

  it('under a forged lease, of another attempt or of a delegation that is not known changes nothing', async () => {
    const capability = newCapability();
    const honest = await work(capability, hang);
    const id = await ask(capability);
    const offer = await honest.offer();
    await scene.requester.event(id, 'stepstarted');
    const before = await scene.api.events(id);
    const forged: Offer[] = [
      { ...offer, leaseId: newId() },
      { ...offer, resultSubject: `mandate.v1.default.result.${id}.a.2` },
      { ...offer, resultSubject: `mandate.v1.default.result.${id}.b.1` },
    ];
    for (const forgery of forged) {
      await honest.report(forgery, completed('forged'));
      await parkedWith(forgery, 'LEASE_NOT_CURRENT');
    }
    const unknown = { ...offer, resultSubject: `mandate.v1.default.result.${newId()}.a.1` };
    await honest.report(unknown, completed('forged'));
    await parkedWith(unknown, 'NOT_FOUND');
    await honest.report(offer, { status: 'finished' });
    await parkedWith(offer, 'INVALID_FIELD');
    expect(await scene.api.events(id)).toEqual(before);
    await honest.report(offer, completed('honest'));
    expect((await scene.api.inState(id, 'COMPLETED')).result).toBe('honest');
  });

  it('that comes twice applies once, and one of an old attempt not at all', async () => {
    const capability = newCapability();
    const worker = await work(capability, hang);
    const id = await ask(capability);
    const first = await worker.offer();
    await worker.report(first, { status: 'failed', error: { code: 'FLAKY', message: 'no luck' } });
    const second = await worker.offer(({ attempt }) => attempt === 2);
    await worker.report(first, completed('late'));
    await parkedWith(first, 'LEASE_NOT_CURRENT');
    await worker.report(second, completed('right'));
    await worker.report(second, completed('again'));
    const view = await scene.api.inState(id, 'COMPLETED');
    const behind = await ask(capability);
    await worker.report(await worker.offer(({ delegationId }) => delegationId === behind), completed('behind'));
    await scene.api.inState(behind, 'COMPLETED');
    expect(view.result).toBe('right');
    expect((await scene.api.events(id)).filter(({ type }) => type.includes('.stepsucceeded.'))).toHaveLength(1);
  });
});

describe('a worker', () => {
  it('whose heartbeats stop loses its leases to another one', async () => {
    const capability = newCapability();
    const dying = await work(capability, hang);
    const id = await ask(capability);
    const lost = await dying.offer();
    await scene.requester.event(id, 'stepstarted');
    const heir = await work(capability);
    dying.fallSilent();
    await missThreeBeats([heir]);
    const view = await scene.api.inState(id, 'COMPLETED');
    expect(view.steps[0]).toMatchObject({ attempt: 2, worker: heir.instance });
    expect((await scene.requester.event(id, 'steptimedout')).data).toMatchObject({ attempt: 1, timeout: 'heartbeat' });
    await dying.control('lease-lost', lost.leaseId);
    expect(await agentState(dying)).toBe('lost');
    await dying.report(lost, completed('too late'));
    await until(async () => (await scene.parked(lost.resultSubject)).length === 1, { what: 'the late result to be parked' });
    expect((await scene.api.view(id)).result).toBe('TRY');
    dying.beat();
    await until(async () => (await agentState(dying)) === 'online', { what: 'the worker to be back' });
  });

  it('keeps its leases neither by progress nor by the heartbeats of another', async () => {
    const capability = newCapability();
    const mute = await work(capability, hang);
    const id = await ask(capability);
    const offer = await mute.offer();
    await scene.requester.event(id, 'stepstarted');
    const heir = await work(capability);
    mute.fallSilent();
    await missThreeBeats([heir], () => {
      heir.beat(offer.leaseId);
      return mute.report(offer, { status: 'progress', progress: 'still here' });
    });
    expect((await scene.api.inState(id, 'COMPLETED')).steps[0]).toMatchObject({ attempt: 2, worker: heir.instance });
  });

  it('that beats keeps its leases', async () => {
    const capability = newCapability();
    const steady = await work(capability, hang);
    const id = await ask(capability);
    const offer = await steady.offer();
    await scene.requester.event(id, 'stepstarted');
    await missThreeBeats([steady]);
    await missThreeBeats([steady]);
    await steady.report(offer, completed('steady'));
    expect(await scene.api.inState(id, 'COMPLETED')).toMatchObject({ result: 'steady', steps: [{ attempt: 1 }] });
  });

  it('that starts anew under its name has lost what it does not name', async () => {
    const capability = newCapability();
    const instance = `reborn-${newId()}`;
    const before = await work(capability, { ...hang, instance });
    const id = await ask(capability);
    await before.offer();
    await scene.requester.event(id, 'stepstarted');
    before.stop();
    const after = await work(capability, { instance });
    expect(await scene.api.inState(id, 'COMPLETED')).toMatchObject({ result: 'TRY', steps: [{ attempt: 2, worker: instance }] });
    expect(after.offers).toHaveLength(1);
  });
});

describe('an at-most-once step', () => {
  it('is started only when its acceptance is committed', async () => {
    const capability = newCapability('at-most-once');
    const careful = await work(capability, hang);
    const id = await ask(capability);
    const offer = await careful.offer();
    await careful.control('start', offer.leaseId);
    expect((await scene.api.events(id)).map(({ type }) => type)).toContain('dev.mandate.delegation.stepstarted.v1');
    await careful.report(offer, completed('once'));
    await scene.api.inState(id, 'COMPLETED');
    expect(careful.controls.filter(({ type }) => type === 'start')).toHaveLength(1);
  });

  it('is offered elsewhere while nobody took it', async () => {
    const capability = newCapability('at-most-once');
    const silent = await work(capability, { answer: () => 'silence' });
    const id = await ask(capability);
    await silent.offer();
    const willing = await work(capability, hang);
    const offer = await willing.offer();
    await willing.control('start', offer.leaseId);
    await willing.report(offer, completed('once'));
    await scene.api.inState(id, 'COMPLETED');
    expect(silent.controls.filter(({ type }) => type === 'start')).toEqual([]);
  });

  it.each([
    [
      'is lost',
      async (worker: PlainWorker, _offer: Offer, other: PlainWorker) => (worker.fallSilent(), missThreeBeats([other])),
      'OUTCOME_UNKNOWN',
    ],
    [
      'says that it failed',
      (worker: PlainWorker, offer: Offer) =>
        worker.report(offer, { status: 'failed', error: { code: 'HALF_DONE', message: 'x', retryable: true } }),
      'STEP_FAILED',
    ],
  ])('is not done again when its worker %s', async (_how, end, code) => {
    const capability = newCapability('at-most-once');
    const worker = await work(capability, hang);
    const id = await ask(capability);
    const offer = await worker.offer();
    await worker.control('start', offer.leaseId);
    const other = await work(capability);
    await end(worker, offer, other);
    const view = await scene.api.inState(id, 'FAILED');
    expect(view).toMatchObject({ error: { code }, steps: [{ state: 'TASK_STATE_FAILED', attempt: 1 }] });
    expect(other.offers).toEqual([]);
  });
});
