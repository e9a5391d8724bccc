/** Section 3.2 of the contract, from outside: what a worker is offered, and what becomes of its results. */
import { createHash } from 'node:crypto';
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

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/;

let capabilities = 0;
/** A worker of a capability that nobody else has. */
const worker = async (work: Work, concurrency = 8): Promise<{ worker: PlainWorker; capability: string }> => {
  const capability = `work-${++capabilities}`;
  return { capability, worker: await scene.worker({ capabilities: [{ name: capability, concurrency }], work }) };
};

const steps = (capability: string, graph: Record<string, string[]>): Document[] =>
  Object.entries(graph).map(([id, dependsOn]) => ({ id, capability, dependsOn }));

describe('a registration', () => {
  it('says where the worker listens, and lists it', async () => {
    const name = 'registered-1';
    const capability = { name: 'measure', description: 'measures things', concurrency: 3, tags: ['length'], effects: 'none' };
    const { registered } = await scene.worker({ instance: name, capabilities: [capability] });
    expect(registered).toEqual({
      instance: name,
      workSubject: expect.stringMatching(/^[A-Za-z0-9_.-]+$/),
      controlSubject: expect.stringMatching(/^[A-Za-z0-9_.-]+$/),
      heartbeatSubject: expect.stringMatching(/^[A-Za-z0-9_.-]+$/),
      heartbeat: 'PT5S',
    });
    const agent = await until(
      async () => {
        const { body } = await scene.api.get<{ items: Document[] }>('/api/agents');
        return body.items.find(({ instance, state }) => instance === name && state === 'online');
      },
      { what: 'the worker to be online' },
    );
    expect(agent).toMatchObject({ name: 'plain', version: '1.0.0', capabilities: [{ ...capability, running: 0 }] });
  });
});

describe('an offer', () => {
  it('carries the headers and the fields of the contract, and nothing else', async () => {
    const { worker: offered, capability } = await worker(() => completed(true));
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const request = { goal: 'count', input: { to: 3 }, steps: [{ id: 'a', capability }] };
    const { id } = await scene.requester.ask(request, { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
    const offer = await offered.offer();
    expect(offer).toEqual({
      delegationId: id,
      stepId: 'a',
      attempt: 1,
      leaseId: expect.stringMatching(ULID),
      capability,
      goal: 'count',
      input: { to: 3 },
      results: {},
      deadline: expect.stringMatching(TIME),
      resultSubject: `mandate.v1.default.result.${id}.a.1`,
    });
    const [headers] = offered.offerHeaders;
    expect(headers).toMatchObject({
      'ce-type': 'dev.mandate.step.dispatched.v1',
      'ce-id': expect.stringMatching(ULID),
      'ce-time': expect.stringMatching(TIME),
      traceparent: expect.stringMatching(TRACEPARENT),
    });
    expect(headers?.['traceparent']).toContain(trace);
    await scene.api.inState(id, 'COMPLETED');
  });

  it('has the goal and the input of its own step, where it has them', async () => {
    const { worker: offered, capability } = await worker(() => completed(null));
    const { id } = await scene.requester.ask({
      goal: 'all of it',
      input: 'shared',
      steps: [
        { id: 'own', capability, goal: 'a part', input: ['mine'], timeout: 'PT10M' },
        { id: 'root', capability },
        { id: 'later', capability, dependsOn: ['root'] },
      ],
    });
    await scene.api.inState(id, 'COMPLETED');
    const texts = Object.fromEntries(offered.offers.map(({ stepId, goal, input }) => [stepId, [goal, input]]));
    expect(texts).toEqual({ own: ['a part', ['mine']], root: ['all of it', 'shared'], later: ['all of it', null] });
  });

  it('goes to a free slot only', async () => {
    let most = 0;
    let running = 0;
    const { worker: busy, capability } = await worker(() => {
      most = Math.max(most, ++running);
      return undefined;
    }, 2);
    const { id } = await scene.requester.ask({ goal: 'x', steps: steps(capability, { a: [], b: [], c: [], d: [], e: [] }) });
    for (let done = 0; done < 5; done++) {
      const offer = await until(() => busy.offers[done], { what: `offer ${done + 1}` });
      running--;
      await busy.report(offer, completed(done));
    }
    await scene.api.inState(id, 'COMPLETED');
    expect(most).toBe(2);
  });
});

describe('the graph of the steps is the pattern', () => {
  it.each<[string, string, Record<string, string[]>, unknown]>([
    ['direct', 'one step', { a: [] }, 'a()'],
    ['sequential', 'a path', { a: [], b: ['a'], c: ['b'] }, 'c(b(a()))'],
    ['sequential', 'a path after transitive reduction', { a: [], b: ['a'], c: ['a', 'b'] }, 'c(a(),b(a()))'],
    ['parallel', 'independent steps', { a: [], b: [], c: [] }, { a: 'a()', b: 'b()', c: 'c()' }],
    ['parallel', 'one root and one sink', { r: [], a: ['r'], b: ['r'], z: ['a', 'b'] }, 'z(a(r()),b(r()))'],
    ['meta', 'several stages', { a: [], b: [], c: ['a', 'b'], d: ['c'], e: ['c'], z: ['d', 'e'] }, 'z(d(c(a(),b())),e(c(a(),b())))'],
  ])('%s: %s', async (pattern, _what, graph, result) => {
    const { worker: applied, capability } = await worker(({ stepId, results }) => {
      const inside = Object.keys(results).sort();
      return completed(`${stepId}(${inside.map((id) => results[id] as string).join(',')})`);
    });
    const { id } = await scene.requester.ask({ goal: 'compose', steps: steps(capability, graph) });
    const view = await scene.api.inState(id, 'COMPLETED');
    expect(view).toMatchObject({ pattern, confidence: 1, decision: { chosen: pattern, fallback: null }, result });
    expect(view.decision?.alternatives.reduce((sum, { confidence }) => sum + confidence, 0)).toBeCloseTo(1);
    for (const step of view.steps)
      expect(step).toMatchObject({ state: 'TASK_STATE_COMPLETED', attempt: 1, dependsOn: graph[step.id], worker: applied.instance });
    expect(new Set(applied.offers.map(({ leaseId }) => leaseId)).size).toBe(Object.keys(graph).length);
    await scene.requester.event(id, 'completed');
    const succeeded = scene.requester.typesOf(id).filter((type) => type === 'stepsucceeded');
    expect(succeeded).toHaveLength(Object.keys(graph).length);
  });
});

describe('a result', () => {
  const large = 'ü'.repeat(40_000);

  it('above 64 KiB appears as a reference and is served whole', async () => {
    const { worker: given, capability } = await worker(({ stepId }) => completed(stepId === 'a' ? large : 'small'));
    const { id } = await scene.requester.ask({ goal: 'x', steps: steps(capability, { a: [], b: ['a'] }) });
    const view = await scene.api.inState(id, 'COMPLETED');
    const text = JSON.stringify(large);
    const reference = {
      $ref: `/api/delegations/${id}/steps/a/output`,
      sha256: createHash('sha256').update(text).digest('hex'),
      bytes: Buffer.byteLength(text),
    };
    expect(view.steps[0]?.output).toEqual(reference);
    expect(given.offers[1]?.results).toEqual({ a: reference });
    const served = await scene.api.get<string>(reference.$ref);
    expect([served.status, served.text]).toEqual([200, text]);
    expect((await scene.api.get('/api/delegations/' + id + '/steps/b/output')).text).toBe('"small"');
  });

  it('above 512 KiB is parked, and a smaller one still counts', async () => {
    const { worker: wordy, capability } = await worker(() => undefined);
    const { id } = await scene.requester.ask({ goal: 'x', steps: steps(capability, { a: [] }) });
    const offer = await wordy.offer();
    await wordy.report(offer, completed('x'.repeat(512 * 1024)));
    await until(async () => (await scene.parked(offer.resultSubject)).includes('INVALID_FIELD'), { what: 'the result to be parked' });
    await wordy.report(offer, completed('less'));
    expect((await scene.api.inState(id, 'COMPLETED')).result).toBe('less');
  });

  it('of progress makes an event each time, and use is kept with the success', async () => {
    const { worker: steady, capability } = await worker(() => undefined);
    const { id } = await scene.requester.ask({ goal: 'x', steps: steps(capability, { a: [] }) });
    const offer = await steady.offer();
    await steady.report(offer, { status: 'progress', progress: { done: 1 } });
    await steady.report(offer, { status: 'progress', progress: { done: 2 } });
    await until(() => scene.requester.typesOf(id).filter((type) => type === 'stepprogressed').length === 2, { what: 'two events' });
    expect((await scene.api.view(id)).state).toBe('TASK_STATE_WORKING');
    await steady.report(offer, { ...completed('done'), usage: { usd: '0.02', tokens: 90 } });
    await scene.api.inState(id, 'COMPLETED');
    expect((await scene.requester.event(id, 'stepsucceeded')).data).toMatchObject({ stepId: 'a', usage: { usd: '0.02', tokens: 90 } });
  });

  it('that asks a question gets a new attempt with the answer', async () => {
    const ask = ({ answers }: Offer): Document =>
      answers
        ? completed(answers)
        : { status: 'input_required', question: { id: 'colour', text: 'Which colour?', schema: { type: 'string' } } };
    const { worker: asking, capability } = await worker(ask);
    const { id } = await scene.requester.ask({ goal: 'paint', steps: steps(capability, { a: [] }) });
    const waiting = await scene.api.inState(id, 'INPUT_REQUIRED');
    expect(waiting.steps[0]).toMatchObject({ state: 'TASK_STATE_INPUT_REQUIRED', question: { id: 'colour', text: 'Which colour?' } });
    expect((await scene.requester.event(id, 'inputrequired')).data).toMatchObject({ stepId: 'a', questionId: 'colour' });
    const answer = await scene.requester.command(id, { type: 'answer', stepId: 'a', questionId: 'colour', answer: { name: 'blue' } });
    expect((await answer.answer()).body).toMatchObject({ id });
    expect((await scene.api.inState(id, 'COMPLETED')).result).toEqual({ colour: { name: 'blue' } });
    expect(asking.offers.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(asking.offers[0]?.leaseId).not.toBe(asking.offers[1]?.leaseId);
  });

  it('that failed is tried again, as often as the step allows', async () => {
    const { worker: failing, capability } = await worker(() => ({
      status: 'failed',
      error: { code: 'FLAKY', message: 'no luck', retryable: true },
    }));
    const { id } = await scene.requester.ask({ goal: 'x', steps: [{ id: 'a', capability, maxAttempts: 2 }] });
    const view = await scene.api.inState(id, 'FAILED');
    expect(view.steps[0]).toMatchObject({ state: 'TASK_STATE_FAILED', attempt: 2, error: { code: 'FLAKY', message: 'no luck' } });
    expect(view.error?.code).toBe('STEP_FAILED');
    expect(failing.offers.map(({ attempt }) => attempt)).toEqual([1, 2]);
    const types = (await scene.api.events(id)).map(({ type }) => type.split('.')[3]);
    expect(types.filter((type) => type === 'stepretried' || type === 'stepfailed' || type === 'failed')).toEqual([
      'stepretried',
      'stepfailed',
      'failed',
    ]);
  });

  it('that failed once may succeed later', async () => {
    const { capability } = await worker(({ attempt }) =>
      attempt === 1 ? { status: 'failed', error: { code: 'FLAKY', message: 'no luck' } } : completed('luck'),
    );
    const { id } = await scene.requester.ask({ goal: 'x', steps: steps(capability, { a: [] }) });
    expect(await scene.api.inState(id, 'COMPLETED')).toMatchObject({ result: 'luck', steps: [{ attempt: 2 }] });
  });

  it('that failed for good fails the delegation and cancels what still runs', async () => {
    const fatal = { status: 'failed', error: { code: 'IMPOSSIBLE', message: 'cannot be', retryable: false } };
    const { worker: working, capability } = await worker(() => undefined);
    const { id } = await scene.requester.ask({ goal: 'x', steps: steps(capability, { a: [], b: [], c: ['a', 'b'] }) });
    const a = await working.offer(({ stepId }) => stepId === 'a');
    const b = await working.offer(({ stepId }) => stepId === 'b');
    await working.report(a, fatal);
    expect(await working.control('cancel', b.leaseId)).toMatchObject({ type: 'cancel', leaseId: b.leaseId });
    const view = await scene.api.inState(id, 'FAILED');
    const states = Object.fromEntries(view.steps.map((step) => [step.id, step.state]));
    expect(states).toEqual({ a: 'TASK_STATE_FAILED', b: 'TASK_STATE_CANCELED', c: 'TASK_STATE_CANCELED' });
    expect(view.error).toMatchObject({ code: 'STEP_FAILED', message: expect.stringContaining('IMPOSSIBLE') });
    expect(working.offers.map(({ stepId }) => stepId).sort()).toEqual(['a', 'b']);
  });
});
