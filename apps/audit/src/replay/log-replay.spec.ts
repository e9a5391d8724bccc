/** The past over HTTP: states at positions and times, and what a fork says; each on record. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AggregateStateView, AuditEventView, ForkView, Page, SystemStateView } from '@mandate/contracts';
import { decide, eventTypeName, evolve, initial, type Delegation, type DelegationDecisionCommand } from '@mandate/delegation';
import { timestamp, type JsonObject } from '@mandate/kernel';
import { startAuditScene, type AuditScene } from '../../spec/start-audit.js';

const ID = '01JH00000000000000000000AA';
const T0 = Date.parse('2026-01-05T09:00:00.000Z');
const AGENTS = [{ name: 'w', capability: 'search', description: 'Finds', tags: [] }];

let scene: AuditScene;

/** Decides and stores, as an engine would. */
const tell = async (state: Delegation, command: DelegationDecisionCommand): Promise<Delegation> => {
  const events = decide(command, state);
  await scene.append(
    ID,
    events.map(({ type, at, data, personal }) => ({
      type: eventTypeName(type),
      occurredAt: timestamp(at),
      data: data as unknown as JsonObject,
      ...(personal ? { personal: personal as unknown as JsonObject } : {}),
    })),
  );
  return events.reduce((folded, event) => evolve(folded, event, ID), state);
};

beforeAll(async () => {
  scene = await startAuditScene();
  const registered = {
    name: 'w',
    version: '1',
    instance: 'w1',
    capabilities: [{ name: 'search', description: 'Finds', tags: [], concurrency: 1, effects: 'idempotent' }],
  };
  await scene.store.append({
    tenant: 'default',
    stream: { type: 'agent', id: 'w1' },
    expected: 'no-stream',
    events: [{ type: 'dev.mandate.agent.registered.v1', occurredAt: timestamp(T0), data: registered }],
    actor: { kind: 'worker', id: 'w1' },
    correlationId: 'w1',
  });
  let state = await tell(initial, {
    type: 'request',
    id: ID,
    principal: 'ann',
    request: { goal: 'find it', steps: [{ id: 'a', capability: 'search', goal: 'find it' }] },
    reading: null,
    inherited: null,
    agents: AGENTS,
    threshold: 0.6,
    plannerAvailable: false,
    now: T0,
  });
  state = await tell(state, { type: 'dispatch', stepId: 'a', instance: 'w1', effects: 'idempotent', reason: 'first', now: T0 + 1 });
  const result = { leaseId: '01JH00000000000000000000LE', status: 'completed' as const, output: 'found' };
  await tell(state, {
    type: 'result',
    stepId: 'a',
    attempt: 1,
    result,
    output: { bytes: 7 },
    acceptedAt: null,
    agents: AGENTS,
    jitter: 0,
    now: T0 + 2,
  });
});
afterAll(() => scene.stop());

const stateAt = async (at: string): Promise<{ status: number; body: AggregateStateView }> =>
  scene.get<AggregateStateView>(`/api/audit/state?resource=delegation/${ID}${at === '' ? '' : `&at=${encodeURIComponent(at)}`}`);
const replays = async (): Promise<AuditEventView[]> =>
  (await scene.get<Page<AuditEventView>>('/api/audit/events?action=dev.mandate.audit.replayed.v1')).body.items;

describe('the state of a delegation', () => {
  it('is as it was at each of its positions', async () => {
    const states: unknown[] = [];
    for (let at = 2; at <= 8; at++) states.push((await stateAt(String(at))).body.state['state']);
    expect(states).toEqual(
      ['SUBMITTED', 'SUBMITTED', 'SUBMITTED', 'WORKING', 'WORKING', 'WORKING', 'COMPLETED'].map((state) => `TASK_STATE_${state}`),
    );
  });

  it('is found by time, and shows its personal fields', async () => {
    const { body } = await stateAt(new Date().toISOString());
    expect(body.state).toMatchObject({ goal: 'find it', result: 'found', state: 'TASK_STATE_COMPLETED' });
    expect(body.at.recordedAt).toMatch(/^20/);
  });

  it('is not there before it began', async () => expect(await stateAt('1')).toMatchObject({ status: 404 }));

  it('is on record each time', async () => {
    await stateAt('3');
    expect((await replays())[0]).toMatchObject({ actor: { id: 'admin' }, data: { what: 'state', at: 3, resource: `delegation/${ID}` } });
  });

  it('is refused for a time that is none', async () => expect((await stateAt('yesterday')).status).toBe(400));
});

it('the state of other aggregates and of the whole tenant', async () => {
  const agent = await scene.get<AggregateStateView>('/api/audit/state?resource=agent/w1');
  expect(agent.body.state).toMatchObject({ instance: 'w1', lost: false });
  const { body } = await scene.get<SystemStateView>('/api/audit/state?at=5');
  expect(body.delegations).toEqual({ requested: 1, rejected: 0, completed: 0, failed: 0, canceled: 0, active: 1 });
  expect(body.events['dev.mandate.agent.registered.v1']).toBe(1);
});

describe('a fork', () => {
  const forked = async (body: object): Promise<{ status: number; body: ForkView & { code?: string } }> => {
    const response = await fetch(`${scene.served.url}/api/audit/forks`, {
      method: 'POST',
      body: JSON.stringify({ delegationId: ID, ...body }),
    });
    return { status: response.status, body: (await response.json()) as ForkView & { code?: string } };
  };

  it('with another plan says what would run', async () => {
    const steps = [
      { id: 'a', capability: 'search', goal: 'find it' },
      { id: 'b', capability: 'search', dependsOn: ['a'] },
    ];
    const { body } = await forked({ steps });
    expect(body).toMatchObject({
      recordedStatus: 'completed',
      status: 'active',
      reused: ['a'],
      open: [{ stepId: 'b', capability: 'search' }],
    });
    expect((await replays())[0]).toMatchObject({ data: { what: 'fork', change: 'plan', resource: `delegation/${ID}` } });
  });

  it('changes nothing of the delegation', async () => {
    const before = (await stateAt('')).body;
    await forked({ worker: 'w9' });
    expect((await stateAt('')).body.state).toEqual(before.state);
  });

  it.each([
    [{}, 400, 'INVALID_FIELD'],
    [{ worker: 'w', threshold: 0.5 }, 400, 'INVALID_FIELD'],
    [{ steps: [{ id: 'a', capability: 'nobody-has-it' }] }, 400, 'UNKNOWN_CAPABILITY'],
    [{ delegationId: '01JH00000000000000000000ZZ', worker: 'w' }, 404, 'NOT_FOUND'],
  ])('of %j is refused', async (body, status, code) => expect(await forked(body)).toMatchObject({ status, body: { code } }));
});
