/** What each event makes of a delegation. Total: an event that does not fit leaves the state as it is, because history is never refused. */
import { INLINE_OUTPUT_BYTES, REQUEST_DEFAULTS, type AskReason } from '@mandate/contracts';
import { parseDuration } from '@mandate/kernel';
import { addCost, costOf, microUsdOf, NO_COST } from './cost.js';
import type { DelegationEvent, PlannedStep } from './events.js';
import { isSettled, PLAN_CAPABILITY, PLANNING_STEP, stepsOf } from './model.js';
import type { ActiveDelegation, ApprovalRequest, Delegation, EndedDelegation, Ending, Step, StepOutput, StepPhase } from './model.js';

export const initial: Delegation = { status: 'absent' };

type Of<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

const REMEMBERED_COMMANDS = 64;
export const PLANNING_TIMEOUT_MS = 30_000;

export const evolve = (state: Delegation, event: DelegationEvent, id = ''): Delegation => {
  if (event.type === 'requested') return requested(event, id);
  if (event.type === 'rejected') return state.status === 'absent' ? rejected(event, id) : state;
  if (event.type === 'feedbackgiven') return 'commands' in state ? remember(state, event.data.commandId) : state;
  if (state.status !== 'active') return state;
  switch (event.type) {
    case 'recognised':
      return recognised(state, event);
    case 'fellback':
      return { ...state, decision: state.decision && { ...state.decision, fallback: event.data.reason } };
    case 'planned':
      return planned(state, event);
    case 'approvalrequested':
      return event.data.scope === 'plan'
        ? { ...state, planApproval: 'requested', planAsked: askedIn(event) }
        : withStep(state, event.data.stepId, { approval: 'requested', asked: askedIn(event) });
    case 'approved':
      return approved(state, event);
    case 'compensating':
      return compensating(state, event);
    case 'approvalexpired':
      return state; // that the delegation fails of it is an event of its own
    case 'denied':
      return remember(state, event.data.commandId);
    case 'answered':
      return answered(state, event);
    case 'childadmitted':
      return {
        ...state,
        children: [
          ...state.children,
          {
            id: event.data.childId,
            stepId: event.data.stepId,
            attempt: event.data.attempt,
            steps: event.data.budget.steps,
            cost: costOf(event.data.budget),
            ended: false,
          },
        ],
      };
    case 'childended':
      return childEnded(state, event);
    case 'completed':
      return { ...state, status: 'completed', endedAt: event.at, error: null };
    case 'failed':
      return ended(state, 'failed', event.at, { code: event.data.code, message: event.personal?.error ?? '' });
    case 'canceled':
      return ended(remember(state, event.data.commandId), 'canceled', event.at, null);
    default:
      return stepEvent(state, event);
  }
};

const childEnded = (state: ActiveDelegation, { data: { childId, used } }: Of<'childended'>): ActiveDelegation => ({
  ...state,
  children: state.children.map((child) =>
    child.id === childId ? { ...child, steps: used.steps, cost: costOf(used), ended: true } : child,
  ),
});

const requested = ({ at, data, personal }: Of<'requested'>, id: string): ActiveDelegation => ({
  status: 'active',
  id,
  principal: data.principal,
  goal: personal?.goal ?? null,
  input: personal?.input ?? null,
  requestedAt: at,
  budget: {
    deadlineAt: Date.parse(data.budget.deadlineAt),
    depth: data.budget.depth,
    steps: data.budget.steps,
    cost: { microUsd: data.budget.usd === undefined ? null : microUsdOf(data.budget.usd), tokens: data.budget.tokens ?? null },
  },
  approval: data.approval,
  approvalTimeoutMs: data.approvalTimeoutMs ?? parseDuration(REQUEST_DEFAULTS.approvalTimeout) ?? 0,
  startAt: data.startAt === undefined ? null : Date.parse(data.startAt),
  priority: data.priority ?? REQUEST_DEFAULTS.priority,
  concurrencyKey: data.concurrencyKey ?? null,
  planApproval: 'not-needed',
  planAsked: null,
  ending: null,
  parent: data.parent ?? null,
  lineage: data.lineage ?? [],
  decision: null,
  spent: NO_COST,
  steps: {},
  order: [],
  children: [],
  commands: [],
});

const rejected = ({ at, data, personal }: Of<'rejected'>, id: string): Delegation => ({
  status: 'rejected',
  id,
  principal: data.principal,
  at,
  error: { code: data.code, message: personal?.error ?? '' },
  existingId: data.existingId ?? null,
});

const recognised = (state: ActiveDelegation, { data }: Of<'recognised'>): ActiveDelegation => {
  const { pattern, confidence, alternatives, model } = data;
  const decided = { ...state, decision: { pattern, confidence, alternatives, model, fallback: null } };
  return data.planner ? withPlan(decided, [planningStep(decided)]) : decided;
};

const planningStep = (state: ActiveDelegation): Step => ({
  ...freshStep(
    { id: PLANNING_STEP, capability: PLAN_CAPABILITY, dependsOn: [], irreversible: false, timeoutMs: PLANNING_TIMEOUT_MS, maxAttempts: 1 },
    { goal: state.goal ?? '', input: state.input },
    'not-needed',
  ),
  planning: true,
});

type Texts = NonNullable<Of<'planned'>['personal']>['texts'][string];

const freshStep = ({ compensate, ...plan }: PlannedStep, texts: Texts, approval: Step['approval']): Step => ({
  plan: {
    ...plan,
    ...(texts.goal === undefined ? {} : { goal: texts.goal }),
    ...(texts.input === undefined ? {} : { input: texts.input }),
    ...(compensate ? { compensate: { ...texts.compensate, ...compensate } } : {}),
  },
  phase: { status: 'pending' },
  attempt: 0,
  lease: 0,
  instance: null,
  capability: plan.capability,
  effects: 'idempotent',
  failures: 0,
  losses: 0,
  startedAt: null,
  approval,
  asked: null,
  answers: {},
  planning: false,
  compensates: null,
});

const planned = (state: ActiveDelegation, { data, personal }: Of<'planned'>): ActiveDelegation => {
  const steps = data.steps.map((plan) =>
    freshStep(plan, personal?.texts[plan.id] ?? {}, plan.irreversible && state.approval === 'irreversible' ? 'needed' : 'not-needed'),
  );
  const decision = state.decision && { ...state.decision, pattern: data.pattern };
  return withPlan({ ...state, decision, planApproval: state.approval === 'plan' ? 'needed' : 'not-needed' }, steps);
};

const withPlan = (state: ActiveDelegation, steps: Step[]): ActiveDelegation => ({
  ...state,
  steps: { ...state.steps, ...Object.fromEntries(steps.map((step) => [step.plan.id, step])) },
  order: [...state.order, ...steps.map((step) => step.plan.id)],
});

const withStep = (state: ActiveDelegation, id: string, change: Partial<Step>): ActiveDelegation => {
  const step = state.steps[id];
  return step ? { ...state, steps: { ...state.steps, [id]: { ...step, ...change } } } : state;
};

const remember = <State extends ActiveDelegation | EndedDelegation>(state: State, commandId: string): State => ({
  ...state,
  commands: [...state.commands, commandId].slice(-REMEMBERED_COMMANDS),
});

const askedIn = ({ data }: Of<'approvalrequested'>): ApprovalRequest => ({
  digest: data.digest ?? null,
  expiresAt: data.expiresAt === undefined ? null : Date.parse(data.expiresAt),
});

const approved = (state: ActiveDelegation, { data }: Of<'approved'>): ActiveDelegation => {
  const known = remember(state, data.commandId);
  return data.stepId === undefined ? { ...known, planApproval: 'granted' } : withStep(known, data.stepId, { approval: 'granted' });
};

/** What was approved ran without the answer: with it, it is something else. */
const answered = (state: ActiveDelegation, { data, personal }: Of<'answered'>): ActiveDelegation => {
  const step = state.steps[data.stepId];
  return withStep(remember(state, data.commandId), data.stepId, {
    phase: { status: 'pending' },
    answers: { ...step?.answers, [data.questionId]: personal?.answer ?? null },
    ...(step?.approval === 'granted' ? { approval: 'needed' } : {}),
  });
};

const outputOf = ({ data, personal }: Of<'stepsucceeded'>): StepOutput => {
  if (!personal) return { kind: 'erased' };
  if (data.bytes > INLINE_OUTPUT_BYTES) return { kind: 'reference', sha256: personal.sha256 ?? '', bytes: data.bytes };
  return { kind: 'value', value: personal.output };
};

type StepEvent = Of<
  'stepdispatched' | 'stepstarted' | 'stepprogressed' | 'stepsucceeded' | 'stepfailed' | 'stepretried' | 'steptimedout' | 'inputrequired'
>;

const stepEvent = (state: ActiveDelegation, event: StepEvent): ActiveDelegation => {
  const step = state.steps[event.data.stepId];
  if (!step) return state;
  const changed = withStep(state, step.plan.id, stepChange(step, event));
  const usage = 'usage' in event.data ? event.data.usage : undefined;
  return usage ? { ...changed, spent: addCost(state.spent, costOf(usage)) } : changed;
};

/** A worker may call its own failure WORKER_LOST: only a retry that does not count is a loss. */
const retried = ({ failures, losses }: Step, { counts, code }: Of<'stepretried'>['data']): Partial<Step> => {
  if (counts) return { failures: failures + 1 };
  return code === 'WORKER_LOST' ? { losses: losses + 1 } : {};
};

const reasonOf = ({ counts, code }: Of<'stepretried'>['data']): AskReason => {
  if (counts) return 'retry';
  return code === 'WORKER_LOST' ? 'worker-lost' : 'not-accepted';
};

const stepChange = (step: Step, event: StepEvent): Partial<Step> => {
  switch (event.type) {
    case 'stepdispatched': {
      const { attempt, lease, instance, capability, effects, closeAt } = event.data;
      return { attempt, lease, instance, capability, effects, phase: { status: 'dispatched', closeAt: Date.parse(closeAt) } };
    }
    case 'stepstarted':
      return { startedAt: step.startedAt ?? event.at, phase: { status: 'started', closeAt: Date.parse(event.data.closeAt) } };
    case 'stepsucceeded':
      return { phase: { status: 'succeeded', output: outputOf(event), endedAt: event.at } };
    case 'stepfailed':
      return { phase: { status: 'failed', error: { code: event.data.code, message: event.personal?.error ?? '' }, endedAt: event.at } };
    case 'stepretried':
      return {
        phase: { status: 'backoff', retryAt: Date.parse(event.data.retryAt), reason: reasonOf(event.data) },
        ...retried(step, event.data),
      };
    case 'inputrequired':
      return {
        phase: {
          status: 'input-required',
          question: {
            id: event.data.questionId,
            text: event.personal?.text ?? '',
            ...(event.personal?.schema ? { schema: event.personal.schema } : {}),
          },
        },
      };
    case 'stepprogressed':
    case 'steptimedout':
      return {}; // what follows from a time-out (a retry, a failure) is an event of its own
  }
};

/** Everything that is not done is canceled; what is done gets a step that undoes it. */
const compensating = (state: ActiveDelegation, { at, data, personal }: Of<'compensating'>): ActiveDelegation => {
  const error = personal?.error ?? '';
  const ending: Ending =
    data.outcome === 'failed'
      ? { outcome: 'failed', code: data.code, ...(data.stepId === undefined ? {} : { stepId: data.stepId }), error }
      : { outcome: 'canceled', by: data.by, commandId: data.commandId, reason: error };
  const known = data.outcome === 'canceled' ? remember(state, data.commandId) : state;
  const stopped = {
    ...known,
    ending,
    steps: stepsCanceled(state, at),
    budget: { ...state.budget, deadlineAt: Date.parse(data.deadlineAt) },
  };
  return withPlan(
    stopped,
    data.undo.map(({ compensates, ...undo }) => ({
      ...freshStep(
        { ...undo, dependsOn: [compensates], irreversible: false },
        state.steps[compensates]?.plan.compensate ?? {},
        'not-needed',
      ),
      compensates,
    })),
  );
};

const stepsCanceled = (state: ActiveDelegation, at: number): ActiveDelegation['steps'] => {
  const canceled: StepPhase = { status: 'canceled', endedAt: at };
  return Object.fromEntries(stepsOf(state).map((step) => [step.plan.id, isSettled(step) ? step : { ...step, phase: canceled }]));
};

const ended = (state: ActiveDelegation, status: 'failed' | 'canceled', at: number, error: EndedDelegation['error']): EndedDelegation => {
  return { ...state, steps: stepsCanceled(state, at), status, endedAt: at, error };
};
