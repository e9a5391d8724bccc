import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeEngine } from '../../spec/fake-engine.js';
import { OwnNatsServer } from '../../spec/nats-server.js';
import { gated, WorkerWorld } from '../../spec/worker-world.js';
import { newId } from '../ids.js';
import type { Capabilities } from './capability.js';
import { createWorker } from './worker.js';

let world: WorkerWorld;
let engine: FakeEngine;
const startWorker: WorkerWorld['startWorker'] = (...given) => world.startWorker(...given);

beforeAll(async () => {
  world = await WorkerWorld.start();
  engine = world.engine;
});
afterEach(() => world.stopWorkers());
afterAll(() => world.stop());

describe('at most once', () => {
  it('begins only when the engine says start', async () => {
    const { capabilities, runs, release, begun } = gated();
    const once = { echo: { ...capabilities['echo'], effects: 'at-most-once' as const } } as Capabilities;
    const worker = await startWorker(once);
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId });
    await engine.until(() => engine.heartbeats.some(({ leases }) => leases.includes(leaseId)));
    expect(runs).toEqual([]);
    engine.control(worker.instance, 'start', leaseId);
    await begun;
    engine.control(worker.instance, 'start', leaseId);
    release();
    await engine.until(() => engine.resultsOf(leaseId).length > 0);
    expect(runs).toHaveLength(1);
  });

  it('leaves without a report when it never began, and calls the outcome unknown when it had', async () => {
    const { capabilities, begun } = gated();
    const once = { echo: { ...capabilities['echo'], effects: 'at-most-once' as const, concurrency: 2 } } as Capabilities;
    const worker = await startWorker(once);
    const [unbegun, running] = [newId(), newId()];
    await engine.offer(worker.instance, { leaseId: unbegun });
    await engine.offer(worker.instance, { leaseId: running });
    engine.control(worker.instance, 'start', running);
    await begun;
    await worker.stop();
    expect(engine.resultsOf(unbegun)).toEqual([]);
    expect(engine.resultsOf(running)).toMatchObject([{ body: { error: { code: 'OUTCOME_UNKNOWN', retryable: false } } }]);
  });
});

describe('stopping', () => {
  it('takes nothing new and lets running work end', async () => {
    const { capabilities, release, begun } = gated();
    const worker = await startWorker({ echo: { ...(capabilities['echo'] as Capabilities[string]), concurrency: 5 } }, { graceMs: 5000 });
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId });
    await begun;
    const stopped = worker.stop();
    expect(await engine.offer(worker.instance)).toMatchObject({ accepted: false, reason: 'draining' });
    const beats = engine.heartbeats.length;
    await engine.until(() => engine.heartbeats.length > beats);
    expect(engine.heartbeats.at(-1)?.leases).toEqual([leaseId]);
    release();
    await stopped;
    await engine.until(() => engine.resultsOf(leaseId).length > 0);
    expect(engine.resultsOf(leaseId)).toMatchObject([{ body: { status: 'completed' } }]);
    await expect(engine.offer(worker.instance)).rejects.toThrow(/no responders/);
  });

  it('tells the engine of what the grace period cut short', async () => {
    const { capabilities, runs, begun } = gated();
    const worker = await startWorker(capabilities);
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId });
    await begun;
    await worker.stop();
    // The ack and the engine's own copy come over two connections, in either order.
    await engine.until(() => engine.resultsOf(leaseId).length > 0);
    expect(engine.resultsOf(leaseId)).toMatchObject([{ body: { status: 'failed', error: { code: 'WORKER_STOPPED', retryable: true } } }]);
    expect(runs[0]?.signal.reason).toMatchObject({ name: 'WorkerStoppedError' });
    expect(worker.running).toBe(0);
  });
});

describe('an outage of NATS', () => {
  it('is worked through: the result arrives afterwards, and the worker registers again', async () => {
    const own = await OwnNatsServer.start();
    const before = new FakeEngine(await own.connect());
    await before.start();
    const { capabilities, release, begun } = gated();
    const worker = createWorker({ connection: await own.connect(), name: 'steadfast', version: '1.0.0', capabilities });
    await worker.start();
    await before.until(() => before.heartbeats.length > 0);
    const leaseId = newId();
    await before.offer(worker.instance, { leaseId });
    await begun;
    await own.kill();
    release();
    await own.run();
    await before.until(() => before.resultsOf(leaseId).length > 0 && before.registrations.length > 1);
    expect(before.resultsOf(leaseId)[0]?.body).toMatchObject({ status: 'completed', output: 'done' });
    await before.until(() => worker.running === 0);
    await worker.stop();
    await own.stop();
  });
});

describe('children', () => {
  it('are delegated under the lease', async () => {
    const worker = await startWorker({
      echo: { description: 'Delegates', handler: (_task, context) => context.delegate({ goal: 'half of it' }) },
    });
    const offer = { leaseId: newId(), delegationId: newId() };
    await engine.offer(worker.instance, offer);
    await engine.until(() => engine.requests.length > 0);
    const { body, subject } = engine.requests[0] as (typeof engine.requests)[number];
    expect(body).toMatchObject({
      goal: 'half of it',
      parent: { delegationId: offer.delegationId, stepId: 'one', attempt: 1, leaseId: offer.leaseId },
    });
    expect(subject.endsWith('.tester')).toBe(true);
    await engine.event(body['id'] as string, 'requested', {});
    await engine.event(body['id'] as string, 'completed', { steps: 1, sinks: ['one'] });
    await engine.until(() => engine.resultsOf(offer.leaseId).length > 0);
    expect(engine.resultsOf(offer.leaseId)[0]?.body.output).toEqual({ steps: 1, sinks: ['one'] });
  });
});
