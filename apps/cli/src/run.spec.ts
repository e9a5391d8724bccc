import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { AgentView, DelegationView, EventView, StepView } from '@mandate/contracts';
import { ApiServer } from '../spec/api-server.js';
import { runMandate, type Ran } from '../spec/run-mandate.js';

const ID = '01JD00000000000000000000A0';

let api: ApiServer;
let folder: string;

beforeAll(async () => {
  api = await ApiServer.start();
  folder = mkdtempSync(join(tmpdir(), 'mandate-cli-'));
});
beforeEach(() => api.reset());
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

const mandate = (args: string[], env: Record<string, string> = { MANDATE_API_URL: api.url }, cwd = folder): Promise<Ran> =>
  runMandate(args, env, cwd);

const view = (fields: Partial<DelegationView> = {}): DelegationView => ({
  id: ID,
  state: 'TASK_STATE_COMPLETED',
  goal: 'Summarise this report',
  pattern: 'direct',
  confidence: 0.93,
  decision: { chosen: 'direct', alternatives: [], model: 'rules-1', fallback: null },
  steps: [
    {
      id: 's1',
      capability: 'summarise',
      state: 'TASK_STATE_COMPLETED',
      attempt: 1,
      dependsOn: [],
      worker: 'docs-1',
      startedAt: '2026-11-23T05:00:00.100Z',
      endedAt: '2026-11-23T05:00:00.350Z',
    },
  ],
  result: { summary: 'It is short.' },
  createdAt: '2026-11-23T05:00:00.000Z',
  endedAt: '2026-11-23T05:00:00.400Z',
  ...fields,
});

const event = (position: number, name: string, data: EventView['data'] = {}): EventView => ({
  position,
  id: `01JD0000000000000000000${String(position).padStart(3, '0')}`,
  type: `dev.mandate.delegation.${name}.v1`,
  version: position,
  time: `2026-11-23T05:00:0${position % 10}.000Z`,
  data,
  actor: { kind: 'engine', id: 'e1' },
});

const EVENTS = [
  event(1, 'requested'),
  event(2, 'recognised', { pattern: 'direct', confidence: 0.93, model: 'rules-1' }),
  event(3, 'planned', { by: 'rules', steps: [{ id: 's1', capability: 'summarise', dependsOn: [] }] }),
  event(4, 'stepdispatched', { stepId: 's1', capability: 'summarise', instance: 'docs-1' }),
  event(5, 'stepstarted', { stepId: 's1', instance: 'docs-1' }),
  event(6, 'stepsucceeded', { stepId: 's1' }),
  event(7, 'completed', { sinks: ['s1'] }),
];
const frames = (events: EventView[]): string =>
  `retry: 10\n\n: hello\n\n${events.map((e) => `id: ${e.position}\nevent: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`).join('')}`;
const stream = (events: EventView[]): { type: string; body: string } => ({ type: 'text/event-stream', body: frames(events) });

describe('delegate', () => {
  it('asks with an id of its own and says it', async () => {
    api.on('POST /api/delegations', { status: 201, body: { id: ID, state: 'TASK_STATE_SUBMITTED' } });
    const { status, out } = await mandate(['delegate', 'Summarise this report', '--as', 'alice', '--json'], {
      MANDATE_API_URL: api.url,
      MANDATE_API_KEY: 'k',
    });
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({ id: ID, state: 'TASK_STATE_SUBMITTED' });
    expect(api.asked[0]?.body).toEqual({ goal: 'Summarise this report', id: expect.stringMatching(/^[0-9A-Z]{26}$/) });
    expect(api.asked[0]?.headers).toMatchObject({ authorization: 'Bearer k', 'mandate-principal': 'alice' });
  });

  it('takes a request from a file, and the goal from the command line', async () => {
    const file = join(folder, 'request.json');
    writeFileSync(file, JSON.stringify({ goal: 'other', idempotencyKey: 'k1', steps: [{ id: 'a', capability: 'summarise' }] }));
    api.on('POST /api/delegations', { status: 201, body: { id: ID, state: 'TASK_STATE_SUBMITTED' } });
    expect((await mandate(['delegate', 'mine', '--file', file])).out).toContain(ID);
    expect(api.asked[0]?.body).toEqual({ goal: 'mine', idempotencyKey: 'k1', steps: [{ id: 'a', capability: 'summarise' }] });
  });

  it('shows each step and the result with --wait', async () => {
    api.on('POST /api/delegations', { status: 201, body: { id: ID, state: 'TASK_STATE_SUBMITTED' } });
    api.on(`GET /api/delegations/${ID}/events`, stream(EVENTS));
    api.on(`GET /api/delegations/${ID}`, { body: view() });
    const { status, out } = await mandate(['delegate', 'Summarise this report', '--wait']);
    expect(status).toBe(0);
    expect(out.split('\n')).toEqual([
      ID,
      '  ◆ recognised as direct 93 %  rules-1',
      '  ◆ planned 1 step: s1  by rules',
      '  ▸ s1 summarise  working  docs-1',
      '  ✔ s1 summarise  done  2.00 s',
      '  ✔ completed  6.00 s',
      '',
      'summary: It is short.',
      '',
    ]);
  });

  it('prints one document with --wait --json, the large result put in', async () => {
    const ref = `/api/delegations/${ID}/steps/s1/output`;
    api.on('POST /api/delegations', { status: 201, body: { id: ID, state: 'TASK_STATE_SUBMITTED' } });
    api.on(`GET /api/delegations/${ID}/events`, stream(EVENTS));
    api.on(
      `GET /api/delegations/${ID}`,
      { body: view({ state: 'TASK_STATE_WORKING' }) },
      { body: view({ result: { $ref: ref, sha256: 'ff', bytes: 70000 } }) },
    );
    api.on(`GET ${ref}`, { body: { whole: true } });
    const { out, err } = await mandate(['delegate', 'x', '--wait', '--json']);
    expect(JSON.parse(out)).toEqual(view({ result: { whole: true } }));
    expect(err).toBe('');
  });

  it('ends with 1 when the delegation failed', async () => {
    const error = { code: 'NO_WORKER', message: 'nobody can summarise' };
    api.on('POST /api/delegations', { status: 201, body: { id: ID, state: 'TASK_STATE_SUBMITTED' } });
    api.on(`GET /api/delegations/${ID}/events`, stream([event(1, 'requested'), event(2, 'failed', { code: 'NO_WORKER' })]));
    const failed = view({ state: 'TASK_STATE_FAILED', error });
    delete failed.result;
    api.on(`GET /api/delegations/${ID}`, { body: failed });
    const { status, out } = await mandate(['delegate', 'x', '--wait']);
    expect(status).toBe(1);
    expect(out).toContain('NO_WORKER: nobody can summarise');
  });
});

describe('watch', () => {
  it('goes on after the last event when the stream breaks', async () => {
    api.on(`GET /api/delegations/${ID}/events`, stream(EVENTS.slice(0, 4)), stream(EVENTS.slice(3)));
    const { status, out } = await mandate(['watch', ID, '--json']);
    expect(status).toBe(0);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as EventView),
    ).toEqual(EVENTS);
    expect(api.asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '4']);
  });

  it('ends with 1 for a canceled delegation', async () => {
    api.on(`GET /api/delegations/${ID}/events`, stream([event(1, 'requested'), event(2, 'canceled', { by: 'alice' })]));
    const { status, out } = await mandate(['watch', ID]);
    expect(status).toBe(1);
    expect(out).toContain('canceled by alice');
  });
});

describe('reading', () => {
  it('shows a delegation with its question', async () => {
    const [step] = view().steps;
    const asking = view({
      state: 'TASK_STATE_INPUT_REQUIRED',
      steps: [{ ...(step as NonNullable<typeof step>), state: 'TASK_STATE_INPUT_REQUIRED', question: { id: 'q', text: 'Which one?' } }],
    });
    api.on(`GET /api/delegations/${ID}`, { body: asking });
    const { out } = await mandate(['status', ID]);
    expect(out).toContain('input-required');
    expect(out).toContain(`mandate answer ${ID} --question q`);
    expect(JSON.parse((await mandate(['status', ID, '--json'])).out)).toEqual(asking);
  });

  it('passes filters on', async () => {
    const since = '2026-11-23T05:00:00.000Z';
    const url = `/api/delegations?state=TASK_STATE_FAILED&pattern=meta&q=01JD&since=${encodeURIComponent(since)}&limit=5&cursor=c`;
    api.on(`GET ${url}`, { body: { items: [], nextCursor: null } });
    const args = ['list', '--state', 'failed', '--pattern', 'meta', '--q', '01JD', '--since', since, '--limit', '5', '--cursor', 'c'];
    expect(await mandate(args)).toEqual({ status: 0, out: 'none\n', err: '' });
  });

  it('lists delegations and the way to the next page', async () => {
    const item = {
      id: ID,
      state: 'TASK_STATE_COMPLETED',
      pattern: 'direct',
      confidence: 1,
      principal: 'alice',
      createdAt: '2026-11-23T05:00:00.000Z',
      endedAt: '2026-11-23T05:02:05.000Z',
    };
    api.on('GET /api/delegations', { body: { items: [item], nextCursor: 'n1' } });
    const { out } = await mandate(['list']);
    expect(out).toContain(`${ID}  completed  direct   2026-11-23 05:00:00  2 min 5 s  alice`);
    expect(out).toContain('--cursor n1');
  });

  it('lists agents', async () => {
    const agent: AgentView = {
      name: 'docs',
      version: '1.0.0',
      instance: 'docs-1',
      state: 'online',
      mode: 'draining',
      capabilities: [
        {
          ...{ name: 'summarise', description: 'Summarise a text', tags: [], concurrency: 4, effects: 'none', running: 1, proposal: ID },
          reputation: {
            ...{ volume: 41.234, successRate: 0.125, lower: 0.05, upper: 0.26, lateRate: 0.5, latencyMs: 1250, observations: 60 },
            outcomes: { succeeded: 5, failed: 15, timedOut: 20, lost: 1, unanswered: 0 },
          },
        },
      ],
      registeredAt: 't',
      lastSeenAt: 't',
    };
    api.on('GET /api/agents', { body: { items: [agent], nextCursor: null } });
    expect((await mandate(['agents'])).out).toMatch(
      /docs-1  online, draining  summarise   1\/4   13 % of 41.2  50 %  1.25 s  Summarise a text\n\n.*mandate reputation show/,
    );
    expect(JSON.parse((await mandate(['agents', '--json'])).out)).toEqual({ items: [agent], nextCursor: null });
  });
});

describe('steering', () => {
  it.each([
    [['cancel', ID, '--reason', 'enough'], 'cancel', { reason: 'enough' }],
    [['approve', ID, '--step', 's1', '--digest', 'd'.repeat(64)], 'approve', { stepId: 's1', digest: 'd'.repeat(64) }],
    [['deny', ID], 'deny', {}],
    [['answer', ID, '--question', 'q', '--answer', '{"n":1}'], 'answer', { questionId: 'q', answer: { n: 1 } }],
    [['answer', ID, '--question', 'q', '--text', 'blue', '--step', 's1'], 'answer', { questionId: 'q', answer: 'blue', stepId: 's1' }],
  ])('%j', async (args, verb, body) => {
    api.on(`POST /api/delegations/${ID}/${verb}`, { body: { id: ID, state: 'TASK_STATE_WORKING' } });
    expect(await mandate(args)).toEqual({ status: 0, out: `${ID}  working\n`, err: '' });
    expect(api.asked[0]?.body).toEqual(body);
  });
});

describe('approve', () => {
  const digest = 'd'.repeat(64);
  const subject = { delegationId: ID, stepId: 's1', capability: 'pay', goal: 'Pay Bob', input: { euros: 7 }, results: {} };
  const approvals = [{ scope: 'step' as const, stepId: 's1', digest, expiresAt: '2026-11-24T05:00:00.000Z', subject }];

  it('shows what will run, and approves that and nothing else', async () => {
    api.on(`GET /api/delegations/${ID}`, { body: view({ state: 'TASK_STATE_INPUT_REQUIRED', approvals }) });
    api.on(`POST /api/delegations/${ID}/approve`, { body: { id: ID, state: 'TASK_STATE_WORKING' } });
    const { status, out } = await mandate(['approve', ID]);
    expect(status).toBe(0);
    expect(api.asked.at(-1)?.body).toEqual({ digest });
    for (const shown of ['s1 waits for an approval', 'Pay Bob', '{"euros":7}', '2026-11-24T05:00:00.000Z', digest, `${ID}  working`])
      expect(out).toContain(shown);
    expect((await mandate(['status', ID])).out).toContain(`mandate approve ${ID} --step s1`);
  });

  it('leaves it to the service to say that several wait', async () => {
    const two = [...approvals, { ...approvals[0]!, stepId: 's2' }];
    api.on(`GET /api/delegations/${ID}`, { body: view({ state: 'TASK_STATE_INPUT_REQUIRED', approvals: two }) });
    await mandate(['approve', ID]);
    expect(api.asked.at(-1)?.body).toEqual({});
  });
});

describe('answer', () => {
  const [step] = view().steps as [StepView];
  const asking = (...questions: string[]): DelegationView =>
    view({ steps: questions.map((id, i) => ({ ...step, id: `s${i + 1}`, question: { id, text: 'Which one?' } })) });

  it('needs no question id where one is open, or one of the step', async () => {
    api.on(`POST /api/delegations/${ID}/answer`, { body: { id: ID, state: 'TASK_STATE_WORKING' } });
    api.on(`GET /api/delegations/${ID}`, { body: asking('q') });
    expect((await mandate(['answer', ID, '--text', 'blue'])).status).toBe(0);
    expect(api.asked.at(-1)?.body).toEqual({ questionId: 'q', answer: 'blue' });
    api.on(`GET /api/delegations/${ID}`, { body: asking('q', 'r') });
    expect((await mandate(['answer', ID, '--step', 's2', '--text', 'blue'])).status).toBe(0);
    expect(api.asked.at(-1)?.body).toEqual({ stepId: 's2', questionId: 'r', answer: 'blue' });
  });

  it('asks which of several, and says when none is open', async () => {
    api.on(`GET /api/delegations/${ID}`, { body: asking('q', 'r') });
    expect(await mandate(['answer', ID, '--text', 'blue'])).toMatchObject({ status: 2, err: expect.stringContaining('--question q or r') });
    api.on(`GET /api/delegations/${ID}`, { body: view() });
    expect(await mandate(['answer', ID, '--text', 'blue'])).toMatchObject({ status: 1, err: expect.stringContaining('NO_QUESTION') });
  });
});

describe('what goes wrong', () => {
  it.each([
    [['nonsense']],
    [['constructor']],
    [['delegate']],
    [['status']],
    [['status', ID, '--colour']],
    [['delegate', '--file', 'missing.json']],
    [['answer', ID, '--question', 'q']],
    [['answer', ID, '--question', 'q', '--answer', '{']],
    [['list', '--state', 'asleep']],
    [['list', '--since', 'yesterday']],
    [['watch', ID, '--after', 'x']],
  ])('%j is wrong use: 2, and standard output stays empty', async (args) => {
    const { status, out, err } = await mandate([...args]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).not.toBe('');
  });

  it('shows help with 0', async () => {
    const { status, out } = await mandate(['--help']);
    expect(status).toBe(0);
    for (const command of ['delegate', 'status', 'watch', 'list', 'cancel', 'approve', 'deny', 'answer', 'agents'])
      expect(out).toContain(`  ${command}`);
  });

  it.each([
    [404, 1],
    [409, 1],
    [403, 1],
    [400, 2],
    [413, 2],
    [503, 3],
  ])('a problem with status %d ends with %d and shows its code', async (http, expected) => {
    api.on(`GET /api/delegations/${ID}`, {
      status: http,
      type: 'application/problem+json',
      body: { status: http, code: 'SOME_CODE', detail: 'do this instead' },
    });
    const { status, out, err } = await mandate(['status', ID, '--json']);
    expect({ status, out }).toEqual({ status: expected, out: '' });
    expect(err).toContain('SOME_CODE: do this instead');
  });

  it('nobody there: 3, with a hint', async () => {
    const { status, out, err } = await mandate(['list', '--json'], { MANDATE_API_URL: 'http://127.0.0.1:9' });
    expect({ status, out }).toEqual({ status: 3, out: '' });
    expect(err).toMatch(/UNREACHABLE.*\n.*npm start/);
  });

  it('an unknown delegation is not waited for', async () => {
    expect(await mandate(['watch', ID])).toMatchObject({ status: 1, out: '' });
  });
});

describe('where the API is', () => {
  const write = (path: string, content: object | string): void => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'credentials.json'), typeof content === 'string' ? content : JSON.stringify(content));
  };
  const key = (): string | undefined => api.asked.at(-1)?.headers.authorization;

  it('stands in a .mandate folder here or above', async () => {
    const below = join(folder, 'a', 'b');
    write(join(folder, 'a', '.mandate'), { apiUrl: api.url, apiKey: 'stored' });
    mkdirSync(below, { recursive: true });
    api.on('GET /api/agents', { body: { items: [], nextCursor: null } });
    expect((await mandate(['agents'], {}, below)).status).toBe(0);
    expect(key()).toBe('Bearer stored');
  });

  it('or in MANDATE_HOME', async () => {
    write(join(folder, 'home'), { apiUrl: api.url, apiKey: 'home' });
    api.on('GET /api/agents', { body: { items: [], nextCursor: null } });
    expect((await mandate(['agents'], { MANDATE_HOME: join(folder, 'home') })).status).toBe(0);
    expect(key()).toBe('Bearer home');
  });

  it('and the key is not shown to another server', async () => {
    write(join(folder, 'other'), { apiUrl: 'http://mandate.example:7400', apiKey: 'secret' });
    api.on('GET /api/agents', { body: { items: [], nextCursor: null } });
    await mandate(['agents'], { MANDATE_HOME: join(folder, 'other'), MANDATE_API_URL: api.url });
    expect(key()).toBeUndefined();
  });

  it.each([['{'], ['{}'], ['{"apiUrl":"nowhere"}']])('a broken file (%s) is said so', async (content) => {
    write(join(folder, 'broken'), content);
    const { status, err } = await mandate(['agents'], { MANDATE_HOME: join(folder, 'broken') });
    expect(status).toBe(2);
    expect(err).toContain('CREDENTIALS_UNREADABLE');
  });
});
