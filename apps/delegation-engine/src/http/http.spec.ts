import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DelegationRequest,
  parse,
  parseJson,
  type Acknowledgement,
  type AgentView,
  type DeadLetterItem,
  type DeadLettersSettled,
  type DeadLetterView,
  type DelegationCommand,
  type DelegationListItem,
  type DelegationView,
  type EventView,
  type ExplanationView,
  type TemplateView,
  type Page,
  type SchedulingChange,
  type SchedulingView,
} from '@mandate/contracts';
import { AppError, isUlid, type JsonValue } from '@mandate/kernel';
import { createLogger, createServiceApp, listenGateway, type Gateway, type RunningService } from '@mandate/service-host';
import { Module } from '@nestjs/common';
import {
  DeadLettersApi,
  DelegationApi,
  HTTP_CONTROLLERS,
  HTTP_PREFIXES,
  ReputationApi,
  SchedulesApi,
  SchedulingApi,
  type Caller,
  type ListQuery,
} from './index.js';

const ID = '01JD00000000000000000000A0';
const OTHER = '01JD00000000000000000000A1';

const event = (position: number): EventView => ({
  position,
  id: ID,
  type: 'dev.mandate.delegation.stepstarted.v1',
  version: position,
  time: '2026-11-23T05:00:00.000Z',
  data: { text: 'one\ntwo' },
  actor: { kind: 'engine', id: 'e1' },
});

/** Remembers what it is asked and answers from memory. */
class RecordingApi extends DelegationApi {
  asked: unknown[] = [];
  stored: EventView[] = [];
  endless = false;
  breaks = false;
  ended = false;
  workers: AgentView[] = [];
  aborted = false;
  yielded = 0;

  async request(caller: Caller, id: string, body: Uint8Array): Promise<Acknowledgement> {
    const request = parse(DelegationRequest, parseJson(body));
    this.asked.push({ principal: caller.principal, id, request });
    if (request.goal === 'again')
      throw new AppError('IDEMPOTENCY_CONFLICT', 'conflict', 'another body under this key', { existingId: OTHER });
    return { id, state: 'TASK_STATE_SUBMITTED' };
  }
  async command(_caller: Caller, id: string, command: DelegationCommand): Promise<Acknowledgement> {
    this.asked.push({ id, command });
    return { id, state: 'TASK_STATE_CANCELED' };
  }
  async view(_caller: Caller, id: string): Promise<DelegationView> {
    if (id !== ID) throw unknownDelegation();
    return {
      id,
      state: this.ended ? 'TASK_STATE_COMPLETED' : 'TASK_STATE_WORKING',
      goal: 'g',
      pattern: null,
      confidence: null,
      decision: null,
      steps: [],
      createdAt: 't',
    };
  }
  async templates(): Promise<TemplateView[]> {
    return [];
  }
  async explanation(): Promise<ExplanationView> {
    throw unknownDelegation();
  }
  async list(_caller: Caller, query: ListQuery): Promise<Page<DelegationListItem>> {
    this.asked.push(query);
    return { items: [], nextCursor: 'next' };
  }
  async events(_caller: Caller, id: string, after: number, limit: number): Promise<EventView[]> {
    if (id !== ID) throw unknownDelegation();
    return this.stored.filter(({ position }) => position > after).slice(0, limit);
  }
  async *follow(_caller: Caller, _id: string, after: number, signal: AbortSignal): AsyncIterable<EventView> {
    signal.addEventListener('abort', () => (this.aborted = true));
    for (const stored of this.stored) if (stored.position > after) yield stored;
    if (this.breaks) throw new Error('the database is gone');
    for (let position = 100; this.endless && !signal.aborted; position++) {
      this.yielded++;
      yield { ...event(position), data: 'x'.repeat(100_000) };
    }
  }
  async event(): Promise<EventView> {
    return event(1);
  }
  async output(_caller: Caller, _id: string, stepId: string): Promise<JsonValue> {
    return stepId === 'text' ? 'just text' : null;
  }
  rebuild(): never {
    throw new Error('not asked here');
  }

  async agents(): Promise<AgentView[]> {
    return this.workers;
  }
}

const unknownDelegation = (): AppError => new AppError('NOT_FOUND', 'not-found', 'no such delegation');

const OPEN: SchedulingView = {
  running: 0,
  weight: 1,
  limits: [],
  rates: [],
  paused: [],
  workers: [],
  retryBudgets: [],
  retriesHeld: [],
  breakerRules: [],
  breakers: [],
  substitutes: [],
};

class RecordingScheduling extends SchedulingApi {
  changes: SchedulingChange[] = [];
  async view(): Promise<SchedulingView> {
    return OPEN;
  }
  async change(_caller: Caller, change: SchedulingChange): Promise<SchedulingView> {
    this.changes.push(change);
    return OPEN;
  }
}

/** Remembers what it is asked, and has nothing. */
class RecordingLetters extends DeadLettersApi {
  asked: unknown[] = [];
  async list(_caller: Caller, query: unknown): Promise<Page<DeadLetterItem>> {
    this.asked.push(query);
    return { items: [], nextCursor: null };
  }
  view(): Promise<DeadLetterView> {
    return Promise.reject(new AppError('NOT_FOUND', 'not-found', 'no such letter'));
  }
  async redrive(_caller: Caller, which: unknown): Promise<DeadLettersSettled> {
    this.asked.push(which);
    return { dryRun: true, items: [], nextCursor: null };
  }
  async discard(): Promise<DeadLettersSettled> {
    return { dryRun: false, items: [], nextCursor: null };
  }
}

const api = new RecordingApi();
const letters = new RecordingLetters();
const scheduling = new RecordingScheduling();

@Module({
  controllers: HTTP_CONTROLLERS,
  providers: [
    { provide: DelegationApi, useValue: api },
    { provide: DeadLettersApi, useValue: letters },
    { provide: SchedulesApi, useValue: {} },
    { provide: SchedulingApi, useValue: scheduling },
    { provide: ReputationApi, useValue: {} },
  ],
})
class EdgeModule {}

let service: RunningService;
let gateway: Gateway;
beforeAll(async () => {
  const logger = createLogger({ service: 'delegation-engine', instance: 'i', level: 'silent' });
  service = await createServiceApp({ name: 'delegation-engine', prefixes: HTTP_PREFIXES, module: EdgeModule, logger });
  gateway = await listenGateway([service], { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await gateway.close();
  await service.close();
});
beforeEach(() => {
  Object.assign(api, { asked: [], stored: [], endless: false, breaks: false, aborted: false, yielded: 0 });
});

const call = async (path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; body: unknown }> => {
  const response = await fetch(gateway.url + path, init);
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) as unknown };
};
const post = (path: string, body?: unknown, headers: Record<string, string> = {}): ReturnType<typeof call> =>
  call(path, { method: 'POST', headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

describe('asking over HTTP', () => {
  it('makes the id and says where the delegation is', async () => {
    const { status, headers, body } = await post('/api/delegations', { goal: 'g' }, { 'Mandate-Principal': 'ann' });
    const { id } = body as Acknowledgement;
    expect([status, isUlid(id), headers.get('location')]).toEqual([201, true, `/api/delegations/${id}`]);
    expect(api.asked).toEqual([{ principal: 'ann', id, request: { goal: 'g' } }]);
  });

  it("keeps the id of the body and the status of the engine's problem", async () => {
    expect(await post('/api/delegations', { id: ID, goal: 'again' })).toMatchObject({
      status: 409,
      body: { code: 'IDEMPOTENCY_CONFLICT', existingId: OTHER },
    });
    expect(api.asked).toEqual([{ principal: 'admin', id: ID, request: { id: ID, goal: 'again' } }]);
  });

  it('refuses a digest that is none', async () => {
    expect(await post(`/api/delegations/${ID}/approve`, { digest: 'a'.repeat(63) })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_FIELD', field: 'digest' },
    });
  });
});

describe('dead letters', () => {
  it('stand before delegations with an id, and are filtered', async () => {
    expect((await call('/api/delegations/dead-letters?kind=message&limit=3')).body).toEqual({ items: [], nextCursor: null });
    expect((await call(`/api/delegations/dead-letters/${ID}`)).body).toMatchObject({ code: 'NOT_FOUND', detail: 'no such letter' });
    await post('/api/delegations/dead-letters/redrive', { ids: [ID], dryRun: true });
    expect(letters.asked).toEqual([
      { kind: 'message', limit: 3 },
      { ids: [ID], dryRun: true },
    ]);
    expect(await post('/api/delegations/dead-letters/discard', { ids: [ID] })).toMatchObject({ status: 400, body: { field: 'because' } });
  });
});

describe('steering', () => {
  it.each(['cancel', 'approve', 'deny'])('%s takes no body and makes the command id', async (type) => {
    expect((await post(`/api/delegations/${ID}/${type}`)).status).toBe(200);
    expect(api.asked).toEqual([{ id: ID, command: { type, commandId: expect.stringMatching(/^[0-9A-Z]{26}$/) } }]);
  });

  it('answers a question', async () => {
    await post(`/api/delegations/${ID}/answer`, { commandId: OTHER, stepId: 's', questionId: 'q', answer: [1] });
    expect(api.asked).toEqual([{ id: ID, command: { type: 'answer', commandId: OTHER, stepId: 's', questionId: 'q', answer: [1] } }]);
  });

  it('refuses an id that is none', async () => {
    expect(await post('/api/delegations/nonsense/cancel')).toMatchObject({ status: 400, body: { code: 'INVALID_ID' } });
    expect(api.asked).toEqual([]);
  });
});

describe('flow control', () => {
  it('takes a change and shows the policy', async () => {
    const change = { type: 'set-limit', kind: 'capability', name: 'search', max: 2, reason: 'the index is slow' };
    expect(await post('/api/scheduling', change)).toMatchObject({ status: 200, body: OPEN });
    expect(scheduling.changes).toEqual([change]);
    expect(await call('/api/scheduling')).toMatchObject({ status: 200, body: OPEN });
  });

  it.each([
    ['without a number', { type: 'set-limit', kind: 'tenant' }],
    ['below nothing', { type: 'set-limit', kind: 'tenant', max: -1 }],
    ['of an unknown kind', { type: 'pause', kind: 'world' }],
    ['that nobody knows', { type: 'explode' }],
    ['of no worker', { type: 'mode-worker', mode: 'draining' }],
  ])('refuses a change %s', async (_what, change) =>
    expect(await post('/api/scheduling', change)).toMatchObject({ status: 400, body: { code: 'INVALID_FIELD' } }),
  );
});

describe('reading', () => {
  it('shows one delegation or a problem', async () => {
    expect(await call(`/api/delegations/${ID}`)).toMatchObject({ status: 200, body: { id: ID } });
    expect(await call(`/api/delegations/${OTHER}`)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it('passes a checked query on', async () => {
    expect((await call('/api/delegations?state=TASK_STATE_WORKING&pattern=meta&limit=3&since=2026-01-01T00:00:00Z')).body).toEqual({
      items: [],
      nextCursor: 'next',
    });
    expect(api.asked).toEqual([{ state: 'TASK_STATE_WORKING', pattern: 'meta', limit: 3, since: '2026-01-01T00:00:00Z' }]);
    expect(await call('/api/delegations?limit=1000')).toMatchObject({ status: 400, body: { field: 'limit' } });
    expect(await call('/api/delegations?colour=red')).toMatchObject({ status: 400, body: { code: 'UNKNOWN_FIELD' } });
  });

  it('pages through events by position', async () => {
    api.stored = [event(3), event(5), event(9)];
    expect((await call(`/api/delegations/${ID}/events?limit=2`)).body).toEqual({ items: [event(3), event(5)], nextCursor: '5' });
    expect((await call(`/api/delegations/${ID}/events?limit=2&cursor=5`)).body).toEqual({ items: [event(9)], nextCursor: null });
  });

  it('gives an output as JSON whatever its type', async () => {
    const { body, headers } = await call(`/api/delegations/${ID}/steps/text/output`);
    expect([body, headers.get('content-type')]).toEqual(['just text', 'application/json; charset=utf-8']);
    expect((await call(`/api/delegations/${ID}/steps/none/output`)).body).toBeNull();
  });

  it('lists agents, all of them or by pages', async () => {
    api.workers = ['a', 'b', 'c'].map((instance) => ({ instance }) as AgentView);
    expect((await call('/api/agents')).body).toMatchObject({ items: { length: 3 }, nextCursor: null });
    expect((await call('/api/agents?limit=1&cursor=a')).body).toEqual({ items: [{ instance: 'b' }], nextCursor: 'b' });
    expect((await call('/api/agents?limit=no')).status).toBe(400);
  });

  it('describes every route', async () => {
    const { paths } = (await call('/openapi.json')).body as { paths: object };
    expect(
      Object.keys(paths)
        .filter((path) => path.startsWith('/api'))
        .sort(),
    ).toEqual([
      '/api/agents',
      '/api/agents/proposals/{id}/accept',
      '/api/agents/proposals/{id}/dismiss',
      '/api/agents/reputation',
      '/api/agents/reputation/rebuild',
      '/api/delegations',
      '/api/delegations/dead-letters',
      '/api/delegations/dead-letters/discard',
      '/api/delegations/dead-letters/redrive',
      '/api/delegations/dead-letters/{id}',
      '/api/delegations/rebuild',
      '/api/delegations/schedules',
      '/api/delegations/schedules/{id}',
      '/api/delegations/schedules/{id}/pause',
      '/api/delegations/schedules/{id}/resume',
      '/api/delegations/schedules/{id}/trigger',
      '/api/delegations/templates',
      '/api/delegations/{id}',
      '/api/delegations/{id}/answer',
      '/api/delegations/{id}/approve',
      '/api/delegations/{id}/cancel',
      '/api/delegations/{id}/deny',
      '/api/delegations/{id}/events',
      '/api/delegations/{id}/events/{eventId}',
      '/api/delegations/{id}/explanation',
      '/api/delegations/{id}/feedback',
      '/api/delegations/{id}/steps/{stepId}/output',
      '/api/scheduling',
    ]);
  });
});

describe('the event stream', () => {
  const follow = (headers: Record<string, string> = {}, id = ID): Promise<Response> =>
    fetch(`${gateway.url}/api/delegations/${id}/events`, { headers: { accept: 'text/event-stream', ...headers } });

  it('sends what is new to the reader and ends with the delegation', async () => {
    api.stored = [event(3), event(5)];
    const response = await follow({ 'Last-Event-ID': '3' });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await response.text()).toBe(`retry: 2000\n\nid: 5\nevent: ${event(5).type}\ndata: ${JSON.stringify(event(5))}\n\n`);
    api.ended = true; // and who has seen all of it is told to ask no more
    expect((await follow({ 'Last-Event-ID': '5' })).status).toBe(204);
    api.ended = false;
  });

  it('is a problem document for an unknown delegation or a bad position', async () => {
    expect((await follow({}, OTHER)).status).toBe(404);
    expect((await follow({ 'Last-Event-ID': 'x' })).status).toBe(400);
  });

  it('breaks off, and does not end, when it cannot go on', async () => {
    api.stored = [event(3)];
    api.breaks = true;
    await expect(follow().then((response) => response.text())).rejects.toThrow();
  });

  it('waits for a slow reader and stops when it leaves', async () => {
    api.endless = true;
    const response = await follow();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const held = await settled(() => api.yielded);
    expect(held).toBeLessThan(1_000);
    await reader.cancel();
    await settled(() => (api.aborted ? 1 : 0), 1);
    expect(api.aborted).toBe(true);
  });
});

/** The value once it is `wanted`, or else once it has stayed the same for ten turns of the timer. */
const settled = async (read: () => number, wanted?: number): Promise<number> => {
  for (let last = -1, same = 0; wanted === undefined ? same < 10 : last !== wanted;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = read() === last ? same + 1 : 0;
    last = read();
  }
  return read();
};
