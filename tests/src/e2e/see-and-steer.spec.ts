/** Section 3.3 of the contract, from outside: what HTTP shows of delegations, and how they are steered. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId, type Document } from './plain-requester.js';
import type { Event } from './plain-api.js';
import { completed, type PlainWorker } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
let held: PlainWorker;

beforeAll(async () => {
  scene = await startScene();
  await scene.worker({ capabilities: [{ name: 'shout', concurrency: 8 }] });
  held = await scene.worker({ capabilities: [{ name: 'hold', concurrency: 50 }], work: () => undefined });
});
afterAll(() => scene.stop());

const ask = async (steps: Document[], fields: Document = {}, principal = 'tester'): Promise<string> =>
  (await scene.requester.ask({ goal: 'see', steps, ...fields }, { principal })).id;
const one = (capability: string, fields: Document = {}): Document[] => [{ id: 'a', capability, ...fields }];
const steer = (id: string, verb: string, body?: Document): Promise<[number, Document]> =>
  scene.api.post(`/api/delegations/${id}/${verb}`, body).then((answer) => [answer.status, answer.body]);
const types = async (id: string): Promise<string[]> => (await scene.api.events(id)).map(({ type }) => type.split('.')[3] ?? '');

describe('a delegation', () => {
  it('is shown with its decision, its steps and its result', async () => {
    const id = await ask([...one('shout'), { id: 'b', capability: 'shout', dependsOn: ['a'] }]);
    const view = await scene.api.inState(id, 'COMPLETED');
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown;
    const step = {
      capability: 'shout',
      state: 'TASK_STATE_COMPLETED',
      attempt: 1,
      worker: expect.any(String),
      startedAt: time,
      endedAt: time,
    };
    expect(view).toEqual({
      id,
      state: 'TASK_STATE_COMPLETED',
      goal: 'see',
      pattern: 'sequential',
      confidence: 1,
      decision: { chosen: 'sequential', alternatives: expect.any(Array), model: expect.any(String), fallback: null },
      steps: [
        { ...step, id: 'a', dependsOn: [], output: 'SEE' },
        { ...step, id: 'b', dependsOn: ['a'], output: 'SEE' },
      ],
      result: 'SEE',
      spent: { usd: '0.00', tokens: 0 },
      createdAt: time,
      endedAt: time,
    });
  });

  it.each([
    ['/api/delegations/01ARZ3NDEKTSV4RRFFQ69G5FAV', 404, 'NOT_FOUND'],
    ['/api/delegations/01ARZ3NDEKTSV4RRFFQ69G5FAV/events', 404, 'NOT_FOUND'],
    ['/api/delegations/nonsense', 400, 'INVALID_ID'],
    ['/api/delegations?state=DONE', 400, 'INVALID_FIELD'],
    ['/api/delegations?limit=100000', 400, 'INVALID_FIELD'],
    ['/api/delegations?cursor=x', 400, 'INVALID_CURSOR'],
    ['/api/delegations?colour=blue', 400, 'UNKNOWN_FIELD'],
    ['/api/nothing', 404, 'ROUTE_NOT_FOUND'],
  ])('is not found at %s', async (path, status, code) => {
    const answer = await scene.api.get(path);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });
});

describe('the list', () => {
  interface Page {
    items: { id: string; state: string; pattern: string; principal: string; createdAt: string }[];
    nextCursor: string | null;
  }
  const list = async (query: string): Promise<Page> => (await scene.api.get<Page>(`/api/delegations?${query}`)).body;

  it('shows the newest first, filtered and page by page', async () => {
    const principal = `lister-${newId()}`;
    const since = new Date().toISOString();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push(await ask(one('shout'), {}, principal));
    const fanned = await ask([...one('shout'), { id: 'b', capability: 'shout' }], {}, principal);
    const running = await ask(one('hold'), {}, principal);
    const newest = [running, fanned, ...ids.toReversed()];
    await until(async () => (await list(`q=${principal}&state=TASK_STATE_COMPLETED`)).items.length === 4, { what: 'the list to follow' });
    await until(async () => (await list(`q=${principal}&state=TASK_STATE_WORKING`)).items.length === 1, { what: 'the list to follow' });

    const found = async (query: string): Promise<string[]> => (await list(`q=${principal}&${query}`)).items.map(({ id }) => id);
    expect(await found(`since=${since}`)).toEqual(newest);
    expect(await found('state=TASK_STATE_WORKING')).toEqual([running]);
    expect(await found('pattern=parallel')).toEqual([fanned]);
    expect(await found(`since=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`)).toEqual([]);
    expect((await list(`q=${fanned}`)).items).toMatchObject([
      { id: fanned, principal, pattern: 'parallel', state: 'TASK_STATE_COMPLETED' },
    ]);

    const pages: string[][] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page = await list(`q=${principal}&limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
      pages.push(page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(newest);
  });
});

describe('the events of a delegation', () => {
  interface Frame extends Event {
    frameId: number;
  }
  /** Reads server-sent events until the server ends the stream. */
  const follow = async (id: string, headers: Record<string, string> = {}): Promise<Frame[]> => {
    const response = await fetch(`${scene.api.url}/api/delegations/${id}/events`, { headers: { accept: 'text/event-stream', ...headers } });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const frames = (await response.text()).split('\n\n').filter((frame) => frame.includes('data: '));
    return frames.map((frame) => ({
      ...(JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? '') as Event),
      frameId: Number(/^id: (\d+)$/m.exec(frame)?.[1]),
    }));
  };

  it('come in order and page by page', async () => {
    const id = await ask(one('shout'));
    await scene.api.inState(id, 'COMPLETED');
    const events = await scene.api.events(id);
    expect(await types(id)).toEqual(['requested', 'recognised', 'planned', 'stepdispatched', 'stepstarted', 'stepsucceeded', 'completed']);
    const positions = events.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    const first = (await scene.api.get<{ items: Event[]; nextCursor: string }>(`/api/delegations/${id}/events?limit=3`)).body;
    const rest = (await scene.api.get<{ items: Event[] }>(`/api/delegations/${id}/events?cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...rest.items]).toEqual(events);
  });

  it('are followed as they happen until the end, and resumed after the last one that was seen', async () => {
    const id = await ask(one('hold'));
    const offer = await held.offer(({ delegationId }) => delegationId === id);
    const following = follow(id);
    await held.report(offer, { status: 'progress', progress: 'half' });
    await scene.requester.event(id, 'stepprogressed');
    await held.report(offer, completed('whole'));
    const frames = await following;
    expect(frames.map(({ frameId }) => frameId)).toEqual(frames.map(({ position }) => position));
    expect(frames.map(({ type }) => type.split('.')[3])).toEqual(await types(id));
    const seen = frames.at(-3)?.frameId;
    const resumed = await follow(id, { 'Last-Event-ID': String(seen) });
    expect(resumed).toEqual(frames.slice(-2));
  });
});

describe('a command', () => {
  it('cancels over HTTP what runs, once and for all', async () => {
    const id = await ask(one('hold'));
    const offer = await held.offer(({ delegationId }) => delegationId === id);
    expect(await steer(id, 'cancel', { reason: 'changed my mind' })).toEqual([200, { id, state: 'TASK_STATE_CANCELED' }]);
    await held.control('cancel', offer.leaseId);
    expect(await steer(id, 'cancel')).toEqual([200, { id, state: 'TASK_STATE_CANCELED' }]);
    expect((await types(id)).filter((type) => type === 'canceled')).toHaveLength(1);
    expect(await scene.api.view(id)).toMatchObject({ steps: [{ state: 'TASK_STATE_CANCELED' }] });
    await held.report(offer, completed('too late'));
    const behind = await ask(one('shout'));
    await scene.api.inState(behind, 'COMPLETED');
    expect((await scene.api.view(id)).state).toBe('TASK_STATE_CANCELED');
  });

  it('cancels over NATS, and is answered with what cannot be', async () => {
    const id = await ask(one('hold'));
    await held.offer(({ delegationId }) => delegationId === id);
    expect((await (await scene.requester.command(id, { type: 'cancel' }, 'alice')).answer()).body).toEqual({
      id,
      state: 'TASK_STATE_CANCELED',
    });
    expect((await scene.requester.event(id, 'canceled')).data).toMatchObject({ by: 'alice' });
    const late = await (await scene.requester.command(id, { type: 'approve' })).answer();
    expect([late.contentType, late.body['code']]).toEqual(['application/problem+json', 'ALREADY_ENDED']);
    const unknown = await (await scene.requester.command(newId(), { type: 'cancel' })).answer();
    expect(unknown.body).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });

  it('approves what cannot be undone before it is done', async () => {
    const id = await ask([...one('shout'), { id: 'b', capability: 'shout', dependsOn: ['a'], irreversible: true }]);
    const waiting = await scene.api.inState(id, 'INPUT_REQUIRED');
    expect(waiting.steps.map(({ state, attempt }) => [state, attempt])).toEqual([
      ['TASK_STATE_COMPLETED', 1],
      ['TASK_STATE_INPUT_REQUIRED', 0],
    ]);
    expect((await scene.requester.event(id, 'approvalrequested')).data).toMatchObject({ scope: 'step', stepId: 'b' });
    expect((await steer(id, 'approve', { stepId: 'a' }))[1]).toMatchObject({ status: 409, code: 'NOTHING_TO_APPROVE' });
    expect((await steer(id, 'approve', { stepId: 'b', reason: 'go' }))[0]).toBe(200);
    await scene.api.inState(id, 'COMPLETED');
  });

  it('approves a plan over NATS, and applies once however often it comes', async () => {
    const id = await ask(one('shout'), { approval: 'plan' });
    await scene.api.inState(id, 'INPUT_REQUIRED');
    const commandId = newId();
    for (let i = 0; i < 3; i++) await (await scene.requester.command(id, { commandId, type: 'approve' }, 'grace')).answer();
    await scene.api.inState(id, 'COMPLETED');
    expect((await types(id)).filter((type) => type === 'approved')).toHaveLength(1);
  });

  it('approves exactly what was shown, and not to whom asked for it', async () => {
    const id = await ask([...one('shout', { irreversible: true, input: { euros: 7 } })]);
    const [approval] = (await scene.api.inState(id, 'INPUT_REQUIRED')).approvals ?? [];
    expect(approval).toEqual({
      scope: 'step',
      stepId: 'a',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      expiresAt: expect.any(String),
      subject: { delegationId: id, stepId: 'a', capability: 'shout', goal: 'see', input: { euros: 7 }, results: {} },
    });
    const { digest } = approval!;
    expect((await scene.requester.event(id, 'approvalrequested')).data).toMatchObject({ digest, expiresAt: approval!.expiresAt });
    const other = digest.replace(/./, digest.startsWith('0') ? '1' : '0');
    expect((await steer(id, 'approve', { digest: other }))[1]).toMatchObject({ status: 409, code: 'DIGEST_MISMATCH', digest });
    const own = await (await scene.requester.command(id, { type: 'approve', digest }, 'tester')).answer();
    expect(own.body).toMatchObject({ status: 403, code: 'SELF_APPROVAL', principal: 'tester' });
    expect((await steer(id, 'approve', { digest }))[0]).toBe(200);
    await scene.api.inState(id, 'COMPLETED');
    expect((await scene.requester.event(id, 'approved')).data).toMatchObject({ by: 'admin', digest });
  });

  it('has another digest for other arguments, and another one again for the same in another delegation', async () => {
    const digestOf = async (input: number): Promise<string | undefined> =>
      (await scene.api.inState(await ask(one('shout', { irreversible: true, input })), 'INPUT_REQUIRED')).approvals?.[0]?.digest;
    const digests = await Promise.all([1, 1, 2].map(digestOf));
    expect(new Set(digests).size).toBe(3);
  });

  it('is asked for again when an answer changes what runs', async () => {
    const id = await ask(one('hold', { irreversible: true }));
    const first = (await scene.api.inState(id, 'INPUT_REQUIRED')).approvals?.[0];
    await steer(id, 'approve', { digest: first!.digest });
    const offer = await held.offer(({ delegationId }) => delegationId === id);
    await held.report(offer, { status: 'input_required', question: { id: 'q', text: 'To whom?' } });
    await scene.api.inState(id, 'INPUT_REQUIRED');
    await steer(id, 'answer', { questionId: 'q', answer: 'Bob' });
    const second = (await scene.api.view(id)).approvals?.[0];
    expect(second?.subject).toMatchObject({ answers: { q: 'Bob' } });
    expect((await steer(id, 'approve', { digest: first!.digest }))[1]).toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect((await steer(id, 'approve', { digest: second!.digest }))[0]).toBe(200);
    await held.report(await held.offer(({ delegationId, attempt }) => delegationId === id && attempt === 2), completed('paid'));
    await scene.api.inState(id, 'COMPLETED');
  });

  it('counts as denied when nobody gives it in time', async () => {
    const id = await ask(one('shout', { irreversible: true }), { approvalTimeout: 'PT1S' });
    const view = await scene.api.inState(id, 'FAILED');
    expect(view.error).toMatchObject({ code: 'APPROVAL_EXPIRED', message: expect.stringContaining('nobody approved step a by') });
    expect((await types(id)).slice(-2)).toEqual(['approvalexpired', 'failed']);
  });

  it('is not needed where approval is never wanted', async () => {
    await scene.api.inState(await ask(one('shout', { irreversible: true }), { approval: 'never' }), 'COMPLETED');
  });

  it('denies, which ends the delegation', async () => {
    const id = await ask(one('shout', { irreversible: true }));
    await scene.api.inState(id, 'INPUT_REQUIRED');
    expect(await steer(id, 'deny', { reason: 'too risky' })).toEqual([200, { id, state: 'TASK_STATE_FAILED' }]);
    expect(await scene.api.view(id)).toMatchObject({ error: { code: 'DENIED', message: expect.stringContaining('too risky') } });
    expect((await types(id)).slice(-2)).toEqual(['denied', 'failed']);
  });

  it('answers over HTTP the question that was asked', async () => {
    const id = await ask(one('hold'));
    const offer = await held.offer(({ delegationId }) => delegationId === id);
    await held.report(offer, { status: 'input_required', question: { id: 'q', text: 'Which?' } });
    await scene.api.inState(id, 'INPUT_REQUIRED');
    expect((await steer(id, 'answer', { questionId: 'other', answer: 1 }))[1]).toMatchObject({ status: 409, code: 'NO_SUCH_QUESTION' });
    expect((await steer(id, 'answer', { questionId: 'q' }))[1]).toMatchObject({ status: 400, code: 'INVALID_FIELD' });
    const commandId = newId();
    for (let i = 0; i < 2; i++) expect((await steer(id, 'answer', { commandId, questionId: 'q', answer: { n: 1 } }))[0]).toBe(200);
    const second = await held.offer(({ delegationId, attempt }) => delegationId === id && attempt === 2);
    expect(second.answers).toEqual({ q: { n: 1 } });
    await held.report(second, completed('answered'));
    await scene.api.inState(id, 'COMPLETED');
    expect((await types(id)).filter((type) => type === 'answered')).toHaveLength(1);
  });

  it.each([
    ['INVALID_FIELD', { type: 'approve', digest: 'x' }],
    ['INVALID_FIELD', { type: 'explode' }],
    ['INVALID_FIELD', { type: 'cancel', commandId: 'x' }],
    ['UNKNOWN_FIELD', { type: 'cancel', force: true }],
  ])('that is not valid is refused: %s (%#)', async (code, command) => {
    const id = await ask(one('hold'));
    const { body, contentType } = await (await scene.requester.command(id, command)).answer();
    expect([contentType, body['code']]).toEqual(['application/problem+json', code]);
    await steer(id, 'cancel');
  });
});

describe('the service', () => {
  it('says how it and its dependencies are', async () => {
    expect((await scene.api.get('/health/live')).status).toBe(200);
    const { status, body } = await scene.api.get<{ status: string; checks: { name: string; status: string }[] }>('/health/ready');
    expect([status, body.status]).toEqual([200, 'up']);
    const names = ['postgres', 'nats', 'partitions', 'publisher'].map((name) => `delegation-engine/${name}`);
    expect(body.checks.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  it('is measured in the text of Prometheus', async () => {
    const { headers, text } = await scene.api.get('/metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    expect(text).toMatch(/^mandate_partitions_owned\S* 16$/m);
    expect(text).toMatch(/^mandate_http_request_duration_seconds_count\{.*prefix="\/api\/delegations".*\} \d+$/m);
  });

  it('is described by OpenAPI 3.1', async () => {
    const { body } = await scene.api.get<{ openapi: string; paths: Record<string, Document> }>('/openapi.json');
    expect(body.openapi).toMatch(/^3\.1/);
    const verbs = ['cancel', 'approve', 'deny', 'answer'].map((verb) => `/api/delegations/{id}/${verb}`);
    const paths = ['/api/delegations', '/api/delegations/{id}', '/api/delegations/{id}/events', '/api/agents', '/health/ready', ...verbs];
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(paths));
  });
});
