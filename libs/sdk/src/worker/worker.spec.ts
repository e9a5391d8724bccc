import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeEngine, TRACEPARENT } from '../../spec/fake-engine.js';
import { OwnNatsServer } from '../../spec/nats-server.js';
import { gated, WorkerWorld } from '../../spec/worker-world.js';
import { RetryableError, TerminalError } from '../errors.js';
import { newId } from '../ids.js';
import { Plan, type Capabilities } from './capability.js';
import { createWorker } from './worker.js';

const LEASE = '01JD00000000000000000000A0';
const echo: Capabilities = { echo: { description: 'Says it again', handler: (task) => ({ said: task.goal }) } };

let world: WorkerWorld;
let engine: FakeEngine;
const startWorker: WorkerWorld['startWorker'] = (...given) => world.startWorker(...given);

beforeAll(async () => {
  world = await WorkerWorld.start();
  engine = world.engine;
});
afterEach(() => world.stopWorkers());
afterAll(() => world.stop());

describe('registering', () => {
  it('tells what it can do and heartbeats at once and then at the interval', async () => {
    const worker = await startWorker({
      echo: { ...echo['echo'], description: 'Says it again', tags: ['talk'], concurrency: 3, effects: 'none', handler: () => 1 },
    });
    expect(engine.registrations.at(-1)).toEqual({
      name: 'tester',
      version: '1.0.0',
      instance: worker.instance,
      capabilities: [{ name: 'echo', description: 'Says it again', tags: ['talk'], concurrency: 3, effects: 'none' }],
    });
    const seen = (): number => engine.heartbeats.filter(({ instance }) => instance === worker.instance).length;
    await engine.until(() => seen() >= 3);
    expect(engine.heartbeats.at(-1)?.leases).toEqual([]);
  });

  it('asks again while nobody answers', async () => {
    const quiet = await OwnNatsServer.start();
    const worker = createWorker({ connection: await quiet.connect(), name: 'early', version: '1', capabilities: echo });
    const starting = worker.start();
    const late = new FakeEngine(await quiet.connect());
    await late.start();
    await starting;
    expect(late.registrations).toHaveLength(1);
    await worker.stop();
    await quiet.stop();
  });

  it('throws the problem when it is refused for good', async () => {
    engine.refusal = { type: 'about:blank', title: 'Not valid', status: 400, code: 'INVALID_FIELD', detail: 'name: must match' };
    const worker = createWorker({ connection: world.connection, name: 'refused', version: '1', capabilities: echo });
    await expect(worker.start()).rejects.toMatchObject({ name: 'ProblemError', code: 'INVALID_FIELD', message: 'name: must match' });
    await worker.stop();
    engine.refusal = null;
  });

  it('is listed by NATS micro', async () => {
    const worker = await startWorker(echo);
    const info = await world.connection.request(`$SRV.INFO.mandate-worker.${worker.instance}`, '', { timeout: 1000 });
    expect(info.json()).toMatchObject({ name: 'mandate-worker', id: worker.instance, version: '1.0.0', metadata: { worker: 'tester' } });
  });
});

describe('working', () => {
  it('accepts, runs and reports under the lease', async () => {
    const worker = await startWorker(echo);
    expect(await engine.offer(worker.instance, { leaseId: LEASE })).toEqual({ leaseId: LEASE, accepted: true });
    await engine.until(() => engine.resultsOf(LEASE).length > 0);
    expect(engine.resultsOf(LEASE)).toMatchObject([
      { msgId: `${LEASE}:1`, body: { leaseId: LEASE, status: 'completed', output: { said: 'say it again' } } },
    ]);
  });

  it('hands everything of the offer to the handler', async () => {
    const seen: unknown[] = [];
    const worker = await startWorker({
      echo: {
        description: 'Looks',
        handler: (task, context) =>
          void seen.push([task, context.results, context.answers, context.stepKey, context.attemptKey, context.traceparent]),
      },
    });
    const offer = {
      leaseId: newId(),
      delegationId: newId(),
      stepId: 'two',
      attempt: 3,
      input: { a: 1 },
      results: { one: 'first' },
      answers: { q: 'yes' },
    };
    await engine.offer(worker.instance, offer);
    await engine.until(() => engine.resultsOf(offer.leaseId).length > 0);
    const { delegationId } = offer;
    expect(seen).toEqual([
      [
        expect.objectContaining({ delegationId, stepId: 'two', attempt: 3, input: { a: 1 }, results: { one: 'first' } }),
        { one: 'first' },
        { q: 'yes' },
        `${delegationId}/two`,
        `${delegationId}/two/3`,
        TRACEPARENT,
      ],
    ]);
    expect(engine.resultsOf(offer.leaseId)[0]?.body.output).toBeNull();
  });

  it('says yes again to a lease it has or had, and runs it once', async () => {
    const { capabilities, runs, release, begun } = gated();
    const worker = await startWorker(capabilities);
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId });
    await begun;
    expect(await engine.offer(worker.instance, { leaseId })).toEqual({ leaseId, accepted: true });
    release();
    await engine.until(() => engine.resultsOf(leaseId).length > 0);
    expect(await engine.offer(worker.instance, { leaseId })).toEqual({ leaseId, accepted: true });
    expect(runs).toHaveLength(1);
  });

  it('names running leases in its heartbeats until the result is acked', async () => {
    const { capabilities, release, begun } = gated();
    const worker = await startWorker(capabilities);
    const leaseId = newId();
    const latest = (): string[] | undefined => engine.heartbeats.filter(({ instance }) => instance === worker.instance).at(-1)?.leases;
    await engine.offer(worker.instance, { leaseId });
    await begun;
    await engine.until(() => latest()?.includes(leaseId) ?? false);
    release();
    await engine.until(() => latest()?.length === 0);
    expect(engine.resultsOf(leaseId)).toHaveLength(1);
  });

  it('takes no more than its concurrency', async () => {
    const { capabilities, release, begun } = gated();
    const worker = await startWorker(capabilities);
    await engine.offer(worker.instance);
    await begun;
    expect(await engine.offer(worker.instance)).toMatchObject({ accepted: false, reason: 'busy' });
    release();
  });

  it.each([
    ['not JSON', '{', {}],
    ['not an object', '[]', {}],
    ['no capability', JSON.stringify({ leaseId: LEASE }), { leaseId: LEASE }],
  ])('refuses what is no offer: %s', async (_name, raw, named) => {
    const worker = await startWorker(echo);
    expect(await engine.offer(worker.instance, {}, raw)).toEqual({ ...named, accepted: false, reason: 'not a valid offer' });
  });

  it('refuses a capability that it does not have', async () => {
    const worker = await startWorker(echo);
    expect(await engine.offer(worker.instance, { capability: 'sing' })).toMatchObject({ accepted: false, reason: 'no capability sing' });
  });

  it('counts its reports up, with the newest progress only', async () => {
    const worker = await startWorker({
      echo: {
        description: 'Reports',
        handler: (_task, context) => {
          for (let percent = 1; percent <= 100; percent++) context.progress({ percent });
          context.usage({ tokens: 10, usd: '0.10' });
          context.usage({ tokens: 5, usd: '0.25' });
          return 'ok';
        },
      },
    });
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId });
    await engine.until(() => engine.resultsOf(leaseId).some(({ body }) => body.status === 'completed'));
    const reports = engine.resultsOf(leaseId);
    expect(reports.map(({ msgId }) => msgId)).toEqual(reports.map((_, i) => `${leaseId}:${i + 1}`));
    expect(reports.length).toBeLessThan(5);
    expect(reports.at(-2)?.body).toMatchObject({ status: 'progress', progress: { percent: 100 } });
    expect(reports.at(-1)?.body.usage).toEqual({ tokens: 15, usd: '0.35' });
  });
});

describe('ending otherwise', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const outcomes: [string, () => unknown, object][] = [
    [
      'any error',
      () => {
        throw new Error('oops');
      },
      { status: 'failed', error: { code: 'HANDLER_FAILED', message: 'oops', retryable: true } },
    ],
    [
      'a retryable error',
      () => {
        throw new RetryableError('RATE_LIMITED', 'later');
      },
      { status: 'failed', error: { code: 'RATE_LIMITED', message: 'later', retryable: true } },
    ],
    [
      'a terminal error',
      () => {
        throw new TerminalError('NO_SUCH_FILE', 'gone');
      },
      { status: 'failed', error: { code: 'NO_SUCH_FILE', message: 'gone', retryable: false } },
    ],
    ['an output that is no JSON', () => cycle, { status: 'failed', error: { code: 'OUTPUT_NOT_JSON', retryable: false } }],
    ['an output that is too large', () => 'x'.repeat(600_000), { status: 'failed', error: { code: 'OUTPUT_TOO_LARGE', retryable: false } }],
    ['a plan', () => new Plan([{ id: 'a', capability: 'echo' }]), { status: 'completed', plan: [{ id: 'a', capability: 'echo' }] }],
  ];
  it.each(outcomes)('reports %s', async (_name, handler, expected) => {
    const worker = await startWorker({ echo: { description: 'Ends', handler } });
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId });
    await engine.until(() => engine.resultsOf(leaseId).length > 0);
    expect(engine.resultsOf(leaseId)[0]?.body).toMatchObject({ leaseId, ...expected });
  });

  it('asks, and goes on with the answer in the next attempt', async () => {
    const worker = await startWorker({
      echo: {
        description: 'Asks',
        handler: (_task, context) => ({ colour: context.ask<string>({ id: 'colour', text: 'Which colour?' }) }),
      },
    });
    const [first, second] = [newId(), newId()];
    await engine.offer(worker.instance, { leaseId: first });
    await engine.until(() => engine.resultsOf(first).length > 0);
    expect(engine.resultsOf(first)[0]?.body).toMatchObject({ status: 'input_required', question: { id: 'colour', text: 'Which colour?' } });
    await engine.offer(worker.instance, { leaseId: second, attempt: 2, answers: { colour: 'blue' } });
    await engine.until(() => engine.resultsOf(second).length > 0);
    expect(engine.resultsOf(second)[0]?.body.output).toEqual({ colour: 'blue' });
  });

  it.each([
    ['cancel', 'AttemptCanceledError'],
    ['lease-lost', 'LeaseLostError'],
  ] as const)('aborts on %s and reports nothing', async (type, reason) => {
    const { capabilities, runs, begun } = gated();
    const worker = await startWorker(capabilities);
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId });
    await begun;
    engine.control(worker.instance, type, leaseId);
    await engine.until(() => engine.heartbeats.at(-1)?.leases.length === 0 && worker.running === 0);
    expect(runs[0]?.signal.reason).toMatchObject({ name: reason, message: 'the test says so' });
    expect(engine.resultsOf(leaseId)).toEqual([]);
  });

  it('gives up at the deadline', async () => {
    const { capabilities, runs } = gated();
    const worker = await startWorker(capabilities);
    const leaseId = newId();
    await engine.offer(worker.instance, { leaseId, deadline: new Date(Date.now() + 150).toISOString() });
    await engine.until(() => engine.resultsOf(leaseId).length > 0);
    expect(engine.resultsOf(leaseId)[0]?.body.error).toMatchObject({ code: 'DEADLINE_EXCEEDED', retryable: true });
    expect(runs[0]?.signal.reason).toMatchObject({ name: 'DeadlineExceededError' });
  });
});
