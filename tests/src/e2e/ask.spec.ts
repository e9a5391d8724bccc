/** Section 3.1 of the contract, from outside: how a delegation is asked for, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId, type Answer, type Document } from './plain-requester.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
  await scene.worker({ capabilities: [{ name: 'shout', concurrency: 8 }] });
});
afterAll(() => scene.stop());

const step = (id: string, dependsOn: string[] = []): Document => ({ id, capability: 'shout', dependsOn });
const request = (fields: Document = {}): Document => ({ goal: 'say hello', steps: [step('a')], ...fields });

const expectProblem = ({ body, contentType }: Answer, code: string): void => {
  expect(contentType).toBe('application/problem+json');
  expect(body).toMatchObject({ code, type: expect.any(String), title: expect.any(String), status: expect.any(Number) });
  expect((body['detail'] as string).length).toBeGreaterThan(10);
};

describe('a request over NATS', () => {
  it('is stored, answered once and carried out', async () => {
    const { requester, api } = scene;
    const asked = await requester.ask(request());
    expect(asked.ack.stream).toBe('MANDATE_IN');
    expect(await asked.answer()).toEqual({ body: { id: asked.id, state: 'TASK_STATE_SUBMITTED' }, contentType: '' });
    const view = await api.inState(asked.id, 'COMPLETED');
    expect(view).toMatchObject({ goal: 'say hello', pattern: 'direct', confidence: 1, result: 'SAY HELLO' });
    expect(asked.answers).toHaveLength(1);
  });

  it('may bring CloudEvents headers and a deadline, and needs no answer', async () => {
    const { requester, api } = scene;
    const headers = { 'ce-id': newId(), 'ce-type': 'com.example.asked', 'ce-source': '/example', 'ce-specversion': '1.0' };
    const { id } = await requester.ask(request({ budget: { deadline: 'PT1H' } }), { headers });
    await api.inState(id, 'COMPLETED');
  });

  it('starts one delegation when it is published twice', async () => {
    const { requester, api } = scene;
    const first = await requester.ask(request());
    await first.answer();
    await api.inState(first.id, 'COMPLETED');
    const second = await requester.ask({ steps: [step('a')], goal: 'say hello', id: first.id }, { id: first.id });
    expect((await second.answer()).body).toEqual({ id: first.id, state: 'TASK_STATE_COMPLETED' });
    const types = (await api.events(first.id)).map(({ type }) => type);
    expect(types.filter((type) => type.includes('.requested.'))).toHaveLength(1);
    expect(types.filter((type) => type.includes('.stepsucceeded.'))).toHaveLength(1);
  });

  it('is published twice at once and still is one', async () => {
    const { requester, api } = scene;
    const id = newId();
    const both = await Promise.all([requester.ask(request(), { id }), requester.ask(request(), { id })]);
    for (const asked of both) expect((await asked.answer()).body).toMatchObject({ id, state: expect.stringMatching(/^TASK_STATE_/) });
    await api.inState(id, 'COMPLETED');
    expect((await api.events(id)).filter(({ type }) => type.includes('.stepsucceeded.'))).toHaveLength(1);
  });

  it('is a conflict under an id that stands for another one, which stays as it is', async () => {
    const { requester, api } = scene;
    const first = await requester.ask(request());
    await api.inState(first.id, 'COMPLETED');
    const before = await api.events(first.id);
    const other = await requester.ask(request({ goal: 'say goodbye' }), { id: first.id });
    expectProblem(await other.answer(), 'CONFLICT');
    expect(await api.events(first.id)).toEqual(before);
    expect((await api.view(first.id)).goal).toBe('say hello');
  });

  it('is answered nowhere but in an inbox', async () => {
    const { requester, api } = scene;
    let heard = 0;
    requester.connection.subscribe('elsewhere.>', { callback: () => void heard++ });
    const asked = await requester.ask(request(), { headers: { 'Mandate-Reply-To': 'elsewhere.answers' } });
    await api.inState(asked.id, 'COMPLETED');
    await requester.connection.flush();
    expect(heard).toBe(0);
  });
});

describe('an idempotency key', () => {
  it('answers the existing delegation and closes the second id with one rejection', async () => {
    const { requester, api } = scene;
    const idempotencyKey = newId();
    const first = await requester.ask(request({ idempotencyKey }));
    await api.inState(first.id, 'COMPLETED');
    const second = await requester.ask(request({ idempotencyKey }));
    expect((await second.answer()).body).toEqual({ id: first.id, state: 'TASK_STATE_COMPLETED' });
    const again = await requester.ask(request({ idempotencyKey }), { id: second.id });
    expect((await again.answer()).body).toEqual({ id: first.id, state: 'TASK_STATE_COMPLETED' });
    const events = await api.events(second.id);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'dev.mandate.delegation.rejected.v1', data: { existingId: first.id } });
    expect((await requester.event(second.id, 'rejected')).data).toMatchObject({ existingId: first.id });
    expect((await api.view(second.id)).state).toBe('TASK_STATE_REJECTED');
  });

  it('is a conflict when the bodies are not equal, and touches nothing', async () => {
    const { requester, api } = scene;
    const idempotencyKey = newId();
    const first = await requester.ask(request({ idempotencyKey }));
    await api.inState(first.id, 'COMPLETED');
    const before = await api.events(first.id);
    const other = await requester.ask(request({ idempotencyKey, goal: 'say goodbye' }));
    expectProblem(await other.answer(), 'CONFLICT');
    expect(await api.events(first.id)).toEqual(before);
  });

  it('is a conflict for who asked to be told: onDuplicate reject', async () => {
    const { requester, api } = scene;
    const body = request({ idempotencyKey: newId(), onDuplicate: 'reject' });
    const first = await requester.ask(body);
    expect((await first.answer()).body['state']).toBe('TASK_STATE_SUBMITTED');
    await api.inState(first.id, 'COMPLETED');
    const { body: problem, contentType } = await (await requester.ask(body)).answer();
    expectProblem({ body: problem, contentType }, 'CONFLICT');
    expect(problem).toMatchObject({ existingId: first.id, status: 409 });
  });

  it('is of one principal: the same key of another starts another delegation', async () => {
    const { requester, api } = scene;
    const body = request({ idempotencyKey: newId() });
    const [mine, yours] = await Promise.all([requester.ask(body, { principal: 'me' }), requester.ask(body, { principal: 'you' })]);
    expect((await yours.answer()).body).toEqual({ id: yours.id, state: 'TASK_STATE_SUBMITTED' });
    await Promise.all([mine, yours].map(({ id }) => api.inState(id, 'COMPLETED')));
  });
});

describe('what is refused', () => {
  const large = 'x'.repeat(256 * 1024);
  it.each<[string, string, Document]>([
    ['INVALID_FIELD', 'a priority that is none', request({ priority: 10 })],
    ['INVALID_FIELD', 'a budget that is no money', request({ budget: { usd: 'much' } })],
    ['UNKNOWN_FIELD', 'a field that is none', request({ urgent: true })],
    ['UNKNOWN_FIELD', 'a field of a step that is none', request({ steps: [{ ...step('a'), retries: 3 }] })],
    ['INVALID_FIELD', 'no goal', { steps: [step('a')] }],
    ['INVALID_FIELD', 'a goal that is too long', request({ goal: 'g'.repeat(8_001) })],
    ['INVALID_FIELD', 'an input that is too large', request({ input: large })],
    ['INVALID_FIELD', 'a pattern that is none', request({ pattern: 'zigzag' })],
    ['INVALID_FIELD', 'a deadline that is no duration', request({ budget: { deadline: 'tomorrow' } })],
    ['CYCLE', 'a cycle', request({ steps: [step('a', ['c']), step('b', ['a']), step('c', ['b'])] })],
    ['DUPLICATE_STEP', 'two steps of one id', request({ steps: [step('a'), step('a')] })],
    ['UNKNOWN_DEPENDENCY', 'a dependency that is no step', request({ steps: [step('a', ['z'])] })],
    ['UNKNOWN_CAPABILITY', 'a capability that nobody ever had', request({ steps: [{ id: 'a', capability: 'levitate' }] })],
    ['PATTERN_MISMATCH', 'a pattern that the steps are not', request({ pattern: 'parallel' })],
    ['BUDGET_EXCEEDED', 'more steps than the budget has', request({ budget: { steps: 1 }, steps: [step('a'), step('b')] })],
    ['ID_MISMATCH', 'another id than its subject', request({ id: newId() })],
  ])('%s: %s', async (code, _what, body) => {
    const { requester, api } = scene;
    const asked = await requester.ask(body);
    expectProblem(await asked.answer(), code);
    expect((await requester.event(asked.id, 'rejected')).data).toMatchObject({ code });
    expect(await api.view(asked.id)).toMatchObject({ state: 'TASK_STATE_REJECTED', error: { code } });
  });

  it('is kept among the dead letters when it cannot be read, and blocks nothing behind it', async () => {
    const { requester, api, parked } = scene;
    const id = newId();
    const broken = await requester.ask('{"goal": "say', { id });
    const behind = await requester.ask(request());
    expectProblem(await broken.answer(), 'INVALID_JSON');
    expect(await parked(`mandate.v1.default.request.${id}.tester`)).toEqual(['INVALID_JSON']);
    await api.inState(behind.id, 'COMPLETED');
  });

  it.each([
    ['an id that is none', () => 'default.request.no-ulid.tester'],
    ['too few tokens', () => `default.request.${newId()}`],
    ['too many tokens', () => `default.request.${newId()}.tester.more`],
    ['a tenant in capitals', () => `DEFAULT.request.${newId()}.tester`],
    ['an attempt that is no number', () => `default.result.${newId()}.a.first`],
  ])('is kept when its subject has %s', async (_what, subjectOf) => {
    const subject = `mandate.v1.${subjectOf()}`;
    const asked = await scene.requester.publish(subject, request());
    expectProblem(await asked.answer(), 'INVALID_SUBJECT');
    expect(await scene.parked(subject)).toEqual(['INVALID_SUBJECT']);
  });

  it('is a problem for a registration too', async () => {
    const { connection } = scene.requester;
    const bad = await connection.request('mandate.v1.default.register', JSON.stringify({ name: 'x', version: '1', instance: 'a.b' }));
    expect(bad.headers?.get('Content-Type')).toBe('application/problem+json');
    expect(bad.json()).toMatchObject({ code: 'INVALID_FIELD', field: 'instance' });
  });
});

describe('a request over HTTP', () => {
  it('gets an id when it has none, and a Location', async () => {
    const { api, requester } = scene;
    const answer = await api.post('/api/delegations', request(), { 'Mandate-Principal': 'alice' });
    const { id, state } = answer.body as { id: string; state: string };
    expect([answer.status, state]).toEqual([201, 'TASK_STATE_SUBMITTED']);
    expect(id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    expect(answer.headers.get('location')).toBe(`/api/delegations/${id}`);
    expect((await api.inState(id, 'COMPLETED')).result).toBe('SAY HELLO');
    expect((await requester.event(id, 'requested')).data).toMatchObject({ principal: 'alice' });
  });

  it('is one delegation under its id, however often it is sent', async () => {
    const { api } = scene;
    const body = request({ id: newId() });
    for (const answer of [await api.post('/api/delegations', body), await api.post('/api/delegations', body)])
      expect(answer.body['id']).toBe(body['id']);
    const other = await api.post('/api/delegations', { ...body, goal: 'say goodbye' });
    expect([other.status, other.body['code']]).toEqual([409, 'CONFLICT']);
    expect(other.headers.get('content-type')).toContain('application/problem+json');
  });

  it.each<[number, string, unknown]>([
    [400, 'INVALID_JSON', '{'],
    [400, 'UNKNOWN_FIELD', request({ urgent: true })],
    [400, 'INVALID_FIELD', request({ budget: { usd: '-1' } })],
    [400, 'UNKNOWN_CAPABILITY', request({ steps: [{ id: 'a', capability: 'levitate' }] })],
    [400, 'CYCLE', request({ steps: [step('a', ['b']), step('b', ['a'])] })],
    [413, 'TOO_LARGE', request({ metadata: { note: 'x'.repeat(1_048_576) } })],
  ])('is refused with %i %s', async (status, code, body) => {
    const answer = await scene.api.post('/api/delegations', body);
    expect([answer.status, answer.body['code'], answer.body['status']]).toEqual([status, code, status]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('leaves the same trace as over NATS when it is refused', async () => {
    const id = newId();
    const answer = await scene.api.post(
      '/api/delegations',
      { id, goal: 'say hello', budget: { usd: 'much' } },
      { 'Mandate-Principal': 'carol' },
    );
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_FIELD' } });
    expect(await scene.api.view(id)).toMatchObject({ state: 'TASK_STATE_REJECTED', error: { code: 'INVALID_FIELD' } });
    expect((await scene.api.events(id)).map(({ type, data }) => [type, data['principal']])).toEqual([
      ['dev.mandate.delegation.rejected.v1', 'carol'],
    ]);
  });

  it('is refused in the name of nobody', async () => {
    const answer = await scene.api.post('/api/delegations', request(), { 'Mandate-Principal': 'a.b c' });
    expect([answer.status, answer.body['code']]).toEqual([400, 'INVALID_PRINCIPAL']);
  });

  it('enters the list', async () => {
    const { api } = scene;
    const id = newId();
    await api.post('/api/delegations', request({ id }), { 'Mandate-Principal': 'bob' });
    await until(async () => (await api.get(`/api/delegations?q=${id}`)).text.includes('"principal":"bob"'), { what: 'it to be listed' });
  });
});
