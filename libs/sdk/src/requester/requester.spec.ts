import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DelegationView } from '@mandate/contracts';
import type { NatsConnection } from '@nats-io/transport-node';
import { FakeEngine } from '../../spec/fake-engine.js';
import { OwnNatsServer } from '../../spec/nats-server.js';
import { CanceledError, DelegationFailedError, ProblemError, RejectedError } from '../errors.js';
import { newId } from '../ids.js';
import type { DelegationEvent } from './events.js';
import { createRequester, type Requester, type RequesterOptions } from './requester.js';

let server: OwnNatsServer;
let connection: NatsConnection;
let engine: FakeEngine;
let requesters: Requester[] = [];
let fresh: FakeEngine['answer'];

const requester = (options: Partial<RequesterOptions> = {}): Requester => {
  const made = createRequester({ connection, principal: 'alice', ...options });
  requesters.push(made);
  return made;
};

beforeAll(async () => {
  server = await OwnNatsServer.start();
  connection = await server.connect();
  engine = new FakeEngine(await server.connect());
  fresh = engine.answer;
  await engine.start();
});
afterEach(() => {
  for (const made of requesters) made.close();
  requesters = [];
  engine.answer = fresh;
});
afterAll(() => server.stop());

const typesOf = async (events: AsyncIterable<DelegationEvent>): Promise<string[]> => {
  const types: string[] = [];
  for await (const event of events) types.push(event.type);
  return types;
};

describe('asking', () => {
  it('publishes under its own id and resolves to the completed event', async () => {
    const handle = requester().delegate({ goal: 'Summarise this' });
    expect(await handle.acknowledged).toEqual({ id: handle.id, state: 'TASK_STATE_SUBMITTED' });
    const { body, subject } = engine.requests.at(-1) as (typeof engine.requests)[number];
    expect(subject).toBe(`mandate.v1.default.request.${handle.id}.alice`);
    expect(body).toEqual({ id: handle.id, goal: 'Summarise this' });
    await engine.event(handle.id, 'requested');
    await engine.event(handle.id, 'completed', { steps: 1, sinks: ['one'] });
    expect(await handle).toEqual({ steps: 1, sinks: ['one'] });
    expect(await handle.state()).toBe('TASK_STATE_COMPLETED');
  });

  it('asks again with the same id until an engine is there', async () => {
    const quiet = await OwnNatsServer.start();
    const late = new FakeEngine(await quiet.connect());
    const made = createRequester({ connection: await quiet.connect(), principal: 'alice' });
    const handle = made.delegate({ goal: 'before the engine is there' });
    await late.start();
    expect(await handle.acknowledged).toEqual({ id: handle.id, state: 'TASK_STATE_SUBMITTED' });
    expect(new Set(late.requests.map(({ body }) => body['id']))).toEqual(new Set([handle.id]));
    made.close();
    await quiet.stop();
  });

  it('throws the problem that it is answered with', async () => {
    const problem = {
      type: 'urn:mandate:problem:unknown-field',
      title: 'Not valid',
      status: 400,
      code: 'UNKNOWN_FIELD',
      detail: 'colour: remove it',
    };
    engine.answer = () => ({ body: problem, problem: true });
    const handle = requester().delegate({ goal: 'x' });
    await expect(handle.result()).rejects.toBeInstanceOf(ProblemError);
    await expect(handle.acknowledged).rejects.toMatchObject({ code: 'UNKNOWN_FIELD', problem });
    await expect(typesOf(handle)).rejects.toMatchObject({ code: 'UNKNOWN_FIELD' });
  });

  it('follows the delegation that the idempotency key had started', async () => {
    const existing = newId();
    await engine.event(existing, 'requested');
    await engine.event(existing, 'completed', { steps: 1, sinks: ['a'] });
    engine.answer = () => ({ body: { id: existing, state: 'TASK_STATE_COMPLETED' } });
    const handle = requester().delegate({ goal: 'again', idempotencyKey: 'k' });
    expect(await handle).toEqual({ steps: 1, sinks: ['a'] });
    expect(handle.id).toBe(existing);
    expect(await typesOf(handle)).toEqual(['requested', 'completed']);
  });

  it.each([
    ['failed', { code: 'NO_WORKER', cancels: [] }, DelegationFailedError, 'NO_WORKER'],
    ['canceled', { by: 'alice' }, CanceledError, 'CANCELED'],
    ['rejected', { principal: 'alice', code: 'CYCLE' }, RejectedError, 'CYCLE'],
  ])('throws when it has %s', async (type, data, error, code) => {
    const handle = requester().delegate({ goal: 'x' });
    await handle.acknowledged;
    if (type !== 'rejected') await engine.event(handle.id, 'requested');
    await engine.event(handle.id, type, data);
    await expect(handle.result()).rejects.toBeInstanceOf(error);
    await expect(handle.result()).rejects.toMatchObject({ code, delegationId: handle.id });
  });
});

describe('events', () => {
  it('come once and in order, to every reader, whenever it starts', async () => {
    const handle = requester().delegate({ goal: 'x' });
    await handle.acknowledged;
    const reading = typesOf(handle);
    await engine.event(handle.id, 'requested');
    const id = newId();
    const position = await engine.event(handle.id, 'stepstarted', {}, { id });
    await engine.event(handle.id, 'stepstarted', {}, { id, position });
    await engine.event(handle.id, 'stepsucceeded');
    await engine.event(handle.id, 'completed', { steps: 1, sinks: [] });
    const all = ['requested', 'stepstarted', 'stepsucceeded', 'completed'];
    expect(await reading).toEqual(all);
    expect(await typesOf(handle)).toEqual(all);
  });

  it('are read from the stream when the delegation was there before its reader', async () => {
    const id = newId();
    await engine.event(id, 'requested');
    const cursor = await engine.event(id, 'recognised');
    for (let i = 0; i < 300; i++) await engine.event(id, 'stepprogressed', { stepId: 'a', attempt: 1 });
    await engine.event(id, 'completed', { steps: 1, sinks: [] });
    const [whole, rest] = [requester().resume(id), requester().resume(id, { after: cursor })];
    expect((await typesOf(whole)).slice(0, 2)).toEqual(['requested', 'recognised']);
    expect(await typesOf(rest)).toHaveLength(301);
  });

  it('are made up for when the first live one is not the beginning', async () => {
    const id = newId();
    await engine.event(id, 'requested');
    await engine.event(id, 'recognised');
    const handle = requester().delegate({ id, goal: 'x' });
    await handle.acknowledged;
    await engine.event(id, 'completed', { steps: 1, sinks: [] });
    expect(await typesOf(handle)).toEqual(['requested', 'recognised', 'completed']);
  });

  it('that came during an outage are made up for', async () => {
    const own = await OwnNatsServer.start();
    const there = new FakeEngine(await own.connect());
    await there.start();
    const away = await own.connect();
    const made = createRequester({ connection: away, principal: 'alice' });
    const handle = made.delegate({ goal: 'x' });
    await handle.acknowledged;
    await there.event(handle.id, 'requested');
    await own.kill();
    await own.run();
    await there.event(handle.id, 'stepstarted');
    await there.event(handle.id, 'completed', { steps: 1, sinks: [] });
    expect(await typesOf(handle)).toEqual(['requested', 'stepstarted', 'completed']);
    made.close();
    await own.stop();
  });
});

describe('steering', () => {
  it('publishes commands with an id of their own and returns the answer', async () => {
    const handle = requester().delegate({ goal: 'x' });
    engine.answer = () => ({ body: { id: handle.id, state: 'TASK_STATE_WORKING' } });
    await handle.acknowledged;
    expect(await handle.answer({ questionId: 'colour', answer: 'blue', stepId: 'a' })).toEqual({
      id: handle.id,
      state: 'TASK_STATE_WORKING',
    });
    await handle.approve({ stepId: 'a' });
    await handle.deny({ reason: 'no' });
    await handle.feedback('parallel', 'they are apart');
    await handle.cancel('enough');
    const sent = engine.commands.slice(-5).map(({ body }) => body);
    expect(sent).toEqual([
      { commandId: expect.any(String), type: 'answer', questionId: 'colour', answer: 'blue', stepId: 'a' },
      { commandId: expect.any(String), type: 'approve', stepId: 'a' },
      { commandId: expect.any(String), type: 'deny', reason: 'no' },
      { commandId: expect.any(String), type: 'feedback', pattern: 'parallel', reason: 'they are apart' },
      { commandId: expect.any(String), type: 'cancel', reason: 'enough' },
    ]);
    expect(new Set(sent.map((body) => body['commandId'])).size).toBe(5);
    expect(engine.commands.at(-1)?.subject).toBe(`mandate.v1.default.command.${handle.id}.alice`);
  });

  it('cancels when the signal of the request aborts', async () => {
    const abort = new AbortController();
    const handle = requester().delegate({ goal: 'x' }, { signal: abort.signal });
    await handle.acknowledged;
    const before = engine.commands.length;
    abort.abort(new Error('changed my mind'));
    await engine.until(() => engine.commands.length > before);
    expect(engine.commands.at(-1)?.body).toMatchObject({ type: 'cancel', reason: 'changed my mind' });
  });

  it('ends what is open when the requester closes', async () => {
    const made = requester();
    const handle = made.delegate({ goal: 'x' });
    await handle.acknowledged;
    made.close();
    await expect(handle.result()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(typesOf(handle)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('with the API', () => {
  let http: Server;
  let apiUrl: string;
  const asked: { url: string; authorization: string | undefined }[] = [];
  const answers = new Map<string, { status: number; body: object | string }>();
  beforeAll(async () => {
    http = createServer((request, response) => {
      asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
      const { status, body } = answers.get(request.url ?? '') ?? {
        status: 404,
        body: { code: 'NOT_FOUND', status: 404, detail: 'no such delegation' },
      };
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    apiUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => http.close(resolve)));

  const view = (id: string, fields: Partial<DelegationView>): DelegationView => ({
    id,
    state: 'TASK_STATE_COMPLETED',
    goal: 'x',
    pattern: 'direct',
    confidence: 1,
    decision: null,
    steps: [],
    createdAt: '2026-11-23T05:00:00.000Z',
    ...fields,
  });

  it('the result is read there, with large outputs put in', async () => {
    const id = newId();
    const output = `/api/delegations/${id}/steps/a/output`;
    answers.set(`/api/delegations/${id}`, {
      status: 200,
      body: view(id, { result: { a: { $ref: output, sha256: 'ff', bytes: 70_000 }, b: 2 } }),
    });
    answers.set(output, { status: 200, body: 'large' });
    const handle = requester({ apiUrl, token: 'secret' }).delegate({ id, goal: 'x' });
    await handle.acknowledged;
    await engine.event(id, 'requested');
    await engine.event(id, 'completed', { steps: 2, sinks: ['a', 'b'] });
    expect(await handle).toEqual({ a: 'large', b: 2 });
    expect(asked.at(-1)).toEqual({ url: output, authorization: 'Bearer secret' });
  });

  it('the message of a failure is read there', async () => {
    const id = newId();
    const error = { code: 'HANDLER_FAILED', message: 'the disk is full' };
    answers.set(`/api/delegations/${id}`, { status: 200, body: view(id, { state: 'TASK_STATE_FAILED', error }) });
    const handle = requester({ apiUrl }).delegate({ id, goal: 'x' });
    await handle.acknowledged;
    await engine.event(id, 'requested');
    await engine.event(id, 'failed', { code: 'HANDLER_FAILED', cancels: [] });
    await expect(handle.result()).rejects.toMatchObject({ name: 'DelegationFailedError', ...error });
  });

  it('events that the stream has dropped are read there', async () => {
    const id = newId();
    const item = (position: number, type: string): object => ({
      position,
      id: newId(),
      type: `dev.mandate.delegation.${type}.v1`,
      version: 1,
      time: 't',
      data: {},
      actor: {},
    });
    const items = [item(1, 'requested'), item(2, 'completed')];
    answers.set(`/api/delegations/${id}/events?after=0&limit=200`, { status: 200, body: { items, nextCursor: null } });
    answers.set(`/api/delegations/${id}`, { status: 200, body: view(id, { result: 'old' }) });
    const handle = requester({ apiUrl }).resume(id);
    expect(await handle).toBe('old');
    expect(await typesOf(handle)).toEqual(['requested', 'completed']);
  });

  it('an unknown delegation is told', async () => {
    await expect(requester({ apiUrl }).resume(newId()).result()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
