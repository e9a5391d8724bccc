/** Commands with defaults, and histories made by the decider itself, so that no spec starts from a state that cannot be. */
import type { DelegationRequest, StepResult, StepSpec } from '@mandate/contracts';
import { timestamp, type JsonValue } from '@mandate/kernel';
import { specify } from '@mandate/testing';
import type { DelegationDecisionCommand, PlanProposal, Reading, RequestDelegation } from '../src/commands.js';
import { decide, delegationDecider } from '../src/decide.js';
import type { DelegationEvent } from '../src/events.js';
import { evolve, initial } from '../src/evolve.js';
import { PLANNING_STEP, type ActiveDelegation, type Delegation, type Step } from '../src/model.js';
import type { AgentCapability } from '../src/planning/plan.js';
import type { Recognition } from '@mandate/recognition';

type Command<Type extends DelegationDecisionCommand['type']> = Extract<DelegationDecisionCommand, { type: Type }>;

export const ID = '01JH00000000000000000000AA';
export const T0 = Date.parse('2026-01-05T09:00:00.000Z');
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;
/** The moment, as it stands in events, so many milliseconds after the request. */
export const moment = (offset: number): string => timestamp(T0 + offset);

export const PLANNER: AgentCapability = { capability: 'plan', description: 'Plans anything' };
export const AGENTS: readonly AgentCapability[] = [
  { capability: 'search', description: 'Finds documents in an archive' },
  { capability: 'write', description: 'Writes a report' },
  { capability: 'pay', description: 'Pays an invoice' },
];

export const given = specify(delegationDecider);

/** Steps by their dependencies: `{ a: [], b: ['a'] }`; all need `search`. */
export const steps = (graph: Record<string, string[]>, more: Partial<StepSpec> = {}): StepSpec[] =>
  Object.entries(graph).map(([id, dependsOn]) => ({ id, capability: 'search', dependsOn, ...more }));

export const request = (asked: Partial<DelegationRequest> = {}, more: Partial<RequestDelegation> = {}): RequestDelegation => ({
  type: 'request',
  id: ID,
  principal: 'ada',
  request: { goal: 'Write a report', steps: steps({ a: [] }), ...asked },
  reading: null,
  inherited: null,
  agents: AGENTS,
  threshold: 0.6,
  plannerAvailable: false,
  now: T0,
  ...more,
});

export const recognition = (pattern: Recognition['pattern'], confidence: number): Recognition => ({
  pattern,
  confidence,
  alternatives: [{ pattern, confidence }],
  reasons: ['two clauses'],
  model: { name: 'clause-rules', version: '1' },
});

export const proposal = (...planned: PlanProposal['steps']): PlanProposal => ({ steps: planned, reasons: ['"then" joins them'] });
export const CHAIN = proposal(
  { id: 's1', capability: 'search', goal: 'find it', dependsOn: [] },
  { id: 's2', capability: 'write', goal: 'write it', dependsOn: ['s1'] },
);

/** A request in words. */
export const told = (
  reading: Reading,
  asked: Partial<DelegationRequest> = {},
  more: Partial<RequestDelegation> = {},
): RequestDelegation => {
  const { steps: _none, ...words } = request(asked).request;
  return request({}, { request: words, reading, ...more });
};

/** A request that goes to a planner. */
export const askedPlanner = (asked: Partial<DelegationRequest> = {}, more: Partial<RequestDelegation> = {}): RequestDelegation =>
  told({ kind: 'read', recognition: recognition('meta', 0.9), plan: { unplannable: 'too wild' } }, asked, {
    agents: [...AGENTS, PLANNER],
    plannerAvailable: true,
    ...more,
  });

export const dispatch = (stepId: string, more: Partial<Command<'dispatch'>> = {}): Command<'dispatch'> => ({
  type: 'dispatch',
  stepId,
  instance: 'w1',
  effects: 'idempotent',
  reason: 'first',
  now: T0,
  ...more,
});

export const accepted = (stepId: string, more: Partial<Command<'accepted'>> = {}): Command<'accepted'> => ({
  type: 'accepted',
  stepId,
  attempt: 1,
  acceptedAt: T0,
  now: T0,
  ...more,
});

export const result = (
  stepId: string,
  reported: Omit<StepResult, 'leaseId'>,
  more: Partial<Command<'result'>> = {},
): Command<'result'> => ({
  type: 'result',
  stepId,
  attempt: 1,
  result: { leaseId: '01JH00000000000000000000LE', ...reported },
  output: { bytes: 2 },
  acceptedAt: null,
  agents: AGENTS,
  jitter: 0,
  now: T0,
  ...more,
});

export const done = (stepId: string, output: JsonValue = stepId, more: Partial<Command<'result'>> = {}): Command<'result'> =>
  result(stepId, { status: 'completed', output }, more);

export const failed = (stepId: string, more: Partial<Command<'result'>> = {}, retryable = true): Command<'result'> =>
  result(stepId, { status: 'failed', error: { code: 'BAD_DAY', message: 'it rained', retryable } }, more);

export const asks = (stepId: string, more: Partial<Command<'result'>> = {}, questionId = 'q1'): Command<'result'> =>
  result(stepId, { status: 'input_required', question: { id: questionId, text: 'Which year?' } }, more);

export const planOf = (plan: StepSpec[], more: Partial<Command<'result'>> = {}): Command<'result'> =>
  result(PLANNING_STEP, { status: 'completed', plan }, { agents: [...AGENTS, PLANNER], ...more });

export const notAccepted = (stepId: string, more: Partial<Command<'not-accepted'>> = {}): Command<'not-accepted'> => ({
  type: 'not-accepted',
  stepId,
  attempt: 1,
  lease: 1,
  reason: 'declined',
  now: T0,
  ...more,
});

export const lost = (stepId: string, more: Partial<Command<'worker-lost'>> = {}): Command<'worker-lost'> => ({
  type: 'worker-lost',
  stepId,
  attempt: 1,
  agents: AGENTS,
  jitter: 0,
  now: T0,
  ...more,
});

export const wake = (offset: number, more: Partial<Command<'wake'>> = {}): Command<'wake'> => ({
  type: 'wake',
  capabilitiesAway: new Set(),
  agents: AGENTS,
  jitter: 0,
  now: T0 + offset,
  ...more,
});

export const child = (asked: Command<'admit-child'>['asked'] = {}, more: Partial<Command<'admit-child'>> = {}): Command<'admit-child'> => ({
  type: 'admit-child',
  childId: 'c1',
  stepId: 'a',
  attempt: 1,
  asked,
  now: T0,
  ...more,
});

/** One of `cancel`, `approve` and `deny`, by Grace; the command's id is its type. */
export const steer = <Type extends 'cancel' | 'approve' | 'deny'>(
  type: Type,
  more: { by?: string; commandId?: string; stepId?: string; digest?: string; reason?: string; mayApproveOwn?: boolean; now?: number } = {},
): DelegationDecisionCommand => ({ type, by: 'grace', commandId: `${type}-1`, now: T0, ...more }) as DelegationDecisionCommand;

/** By Grace, who knows. */
export const feedback = (pattern: Command<'feedback'>['pattern'], more: Partial<Command<'feedback'>> = {}): Command<'feedback'> => ({
  type: 'feedback',
  by: 'grace',
  commandId: 'feedback-1',
  pattern,
  now: T0,
  ...more,
});

export const answer = (questionId: string, more: Partial<Command<'answer'>> = {}): Command<'answer'> => ({
  type: 'answer',
  by: 'grace',
  commandId: 'answer-1',
  questionId,
  answer: 2026,
  now: T0,
  ...more,
});

export const fold = (events: readonly DelegationEvent[]): Delegation => events.reduce((state, event) => evolve(state, event, ID), initial);

/** What happened when these commands came one after the other. */
export const after = (...commands: DelegationDecisionCommand[]): DelegationEvent[] =>
  commands.reduce<DelegationEvent[]>((events, command) => [...events, ...decide(command, fold(events))], []);

export const activeAfter = (...commands: DelegationDecisionCommand[]): ActiveDelegation => {
  const state = fold(after(...commands));
  if (state.status !== 'active') throw new Error(`the delegation is ${state.status}`);
  return state;
};

export const stepAfter = (stepId: string, ...commands: DelegationDecisionCommand[]): Step => {
  const state = fold(after(...commands));
  const step = 'steps' in state ? state.steps[stepId] : undefined;
  if (!step) throw new Error(`there is no step ${stepId}`);
  return step;
};
