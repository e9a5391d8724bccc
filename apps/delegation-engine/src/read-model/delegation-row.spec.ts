import { describe, expect, it } from '@jest/globals';
import { eventTypeName, evolve, initial, taskStateOf, type Delegation, type DelegationEvent } from '@mandate/delegation';
import { timestamp } from '@mandate/kernel';
import fc from 'fast-check';
import { applyToRow, toListItem, type DelegationRow, type ListedEvent } from './delegation-row.js';

const START = Date.parse('2026-11-23T05:00:00.000Z');
const AT = (at: number): { at: number } => ({ at: START + at });

const requested: DelegationEvent = {
  type: 'requested',
  ...AT(0),
  data: {
    principal: 'ann',
    pattern: 'auto',
    budget: { deadlineAt: timestamp(START + 86_400_000), depth: 5, steps: 256 },
    approval: 'plan',
  },
};
const recognised: DelegationEvent = {
  type: 'recognised',
  ...AT(1),
  data: { pattern: 'parallel', confidence: 0.75, alternatives: [], model: 'rules-1', planner: false },
};
const step = (id: string) => ({ id, capability: 'search', dependsOn: [], irreversible: false, timeoutMs: 1000, maxAttempts: 3 });
const planned: DelegationEvent = { type: 'planned', ...AT(2), data: { by: 'rules', pattern: 'parallel', steps: [step('a'), step('b')] } };

const stored = (events: readonly DelegationEvent[]): ListedEvent[] =>
  events.map(({ type, at, data }, index) => ({
    type: eventTypeName(type),
    tenant: 'default',
    stream: { id: '01JD00000000000000000000A0' },
    data,
    occurredAt: timestamp(at),
    position: index + 1,
  }));

const rowAfter = (events: readonly DelegationEvent[]): DelegationRow | null =>
  stored(events).reduce<DelegationRow | null>(applyToRow, null);
const stateAfter = (events: readonly DelegationEvent[]): Delegation =>
  events.reduce<Delegation>((state, event) => evolve(state, event), initial);

/** Whatever may happen to two planned steps, in any order. */
const anyEvent = fc.constantFrom('a', 'b').chain((stepId) => {
  const of = { stepId, attempt: 1 };
  const closeAt = timestamp(START + 1000);
  const command = { by: 'ann', commandId: '01JD00000000000000000000C0' };
  const events: DelegationEvent[] = [
    {
      type: 'stepdispatched',
      ...AT(3),
      data: { ...of, lease: 1, instance: 'w', capability: 'search', effects: 'idempotent', reason: 'first', closeAt },
    },
    { type: 'stepstarted', ...AT(4), data: { ...of, instance: 'w', closeAt } },
    { type: 'stepprogressed', ...AT(4), data: of, personal: { progress: 1 } },
    { type: 'stepsucceeded', ...AT(5), data: { ...of, bytes: 2 } },
    { type: 'stepfailed', ...AT(5), data: { ...of, code: 'X', cancels: [] } },
    { type: 'stepretried', ...AT(5), data: { ...of, code: 'X', counts: true, retryAt: closeAt, cancels: [] } },
    { type: 'steptimedout', ...AT(5), data: { ...of, timeout: 'heartbeat' } },
    { type: 'inputrequired', ...AT(5), data: { ...of, questionId: 'q', cancels: [] } },
    { type: 'answered', ...AT(6), data: { stepId, questionId: 'q', ...command } },
    { type: 'approvalrequested', ...AT(3), data: { scope: 'plan' } },
    { type: 'approved', ...AT(4), data: { scope: 'plan', ...command } },
    { type: 'completed', ...AT(9), data: { steps: 2, sinks: ['a', 'b'] } },
    { type: 'failed', ...AT(9), data: { code: 'X', cancels: [] } },
    { type: 'canceled', ...AT(9), data: { ...command, cancels: [] } },
  ];
  return fc.constantFrom(...events);
});

/** Nothing happens to a step any more that has succeeded. */
const settled = (events: readonly DelegationEvent[]): DelegationEvent[] => {
  const succeeded = new Set<string>();
  return events.filter((event) => {
    const stepId = 'stepId' in event.data ? event.data.stepId : undefined;
    if (stepId !== undefined && succeeded.has(stepId)) return false;
    if (event.type === 'stepsucceeded') succeeded.add(event.data.stepId);
    return true;
  });
};

describe('a row of the list', () => {
  it('tells the same state as the delegation itself, after any history', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), (happened) => {
        const events = [requested, recognised, planned, ...settled(happened)];
        expect(rowAfter(events)?.state).toBe(taskStateOf(stateAfter(events)));
      }),
    );
  });

  it('shows pattern, confidence and times', () => {
    const row = rowAfter([requested, recognised, planned, { type: 'completed', ...AT(9), data: { steps: 2, sinks: ['a', 'b'] } }]);
    expect(toListItem(row as DelegationRow)).toEqual({
      id: '01JD00000000000000000000A0',
      state: 'TASK_STATE_COMPLETED',
      pattern: 'parallel',
      confidence: 0.75,
      principal: 'ann',
      createdAt: '2026-11-23T05:00:00.000Z',
      endedAt: '2026-11-23T05:00:00.009Z',
    });
  });

  it('is there for a rejected request, and stays when a later request of the same id is rejected', () => {
    const rejected: DelegationEvent = { type: 'rejected', ...AT(1), data: { principal: 'eve', code: 'CYCLE' } };
    expect(rowAfter([rejected])).toMatchObject({ state: 'TASK_STATE_REJECTED', principal: 'eve', endedAt: START + 1 });
    expect(rowAfter([requested, rejected])).toMatchObject({ state: 'TASK_STATE_SUBMITTED', principal: 'ann' });
  });

  it('does not change when events come a second time, or belong to something else', () => {
    const events = stored([requested, recognised]);
    const row = events.reduce<DelegationRow | null>(applyToRow, null);
    expect(events.reduce(applyToRow, row)).toEqual(row);
    expect(applyToRow(null, { ...(events[0] as ListedEvent), type: 'dev.mandate.agent.registered.v1' })).toBeNull();
  });
});
