import { REQUEST_DEFAULTS, type StepSpec } from '@mandate/contracts';
import { AppError, parseDuration, timestamp, type JsonValue } from '@mandate/kernel';
import type { PlanProposal, RequestDelegation } from '../commands.js';
import { microUsdOf, usdText } from '../cost.js';
import type { BudgetData, DelegationEvent, FallbackReason, PlannedStep } from '../events.js';
import { isWeaker, PLAN_CAPABILITY, UNDO_PREFIX, type Approval, type BudgetLeft, type Delegation } from '../model.js';
import { patternOf, validateGraph } from '@mandate/recognition';
import { bestCapability, type AgentCapability } from '../planning/plan.js';

type Planned = Extract<DelegationEvent, { type: 'planned' }>;

const durationMs = (text: string): number => parseDuration(text) ?? 0;

/** Takes a request: validates its steps, or decides on the reading of its text, or falls back to plain delegation. */
export const decideRequest = (command: RequestDelegation, state: Delegation): DelegationEvent[] => {
  if (state.status !== 'absent') return [];
  const budget = budgetOf(command);
  const requested = requestedEvent(command, budget);
  if (command.request.steps) return [requested, ...decideGivenSteps(command, command.request.steps, budget)];
  if (command.agents.length === 0)
    throw new AppError('NO_CAPABILITY', 'invalid', 'no worker has registered in this tenant yet: start one, or check the tenant');
  return [requested, ...decideReading(command, budget)];
};

/** When its first step may begin. */
const startOf = ({ request, now }: RequestDelegation): number => {
  if (request.startAt !== undefined && request.delay !== undefined)
    throw new AppError('INVALID_FIELD', 'invalid', 'startAt and delay: name one of them', { field: 'delay' });
  if (request.startAt !== undefined) return Math.max(now, Date.parse(request.startAt));
  return now + durationMs(request.delay ?? 'PT0S');
};

const budgetOf = (command: RequestDelegation): BudgetLeft => {
  const { request, inherited } = command;
  const startAt = startOf(command);
  if (inherited) return inherited;
  return {
    deadlineAt: startAt + durationMs(request.budget?.deadline ?? REQUEST_DEFAULTS.deadline),
    depth: request.budget?.depth ?? REQUEST_DEFAULTS.depth,
    steps: request.budget?.steps ?? REQUEST_DEFAULTS.steps,
    cost: {
      microUsd: request.budget?.usd === undefined ? null : microUsdOf(request.budget.usd),
      tokens: request.budget?.tokens ?? null,
    },
  };
};

/** A child asks at least whom its parent had to ask. */
const approvalOf = ({ request, parentApproval }: RequestDelegation): Approval => {
  const own = request.approval ?? 'irreversible';
  return parentApproval && isWeaker(own, parentApproval) ? parentApproval : own;
};

/** A budget as events carry it. */
export const budgetData = ({ deadlineAt, depth, steps, cost }: BudgetLeft): BudgetData => ({
  deadlineAt: timestamp(deadlineAt),
  depth,
  steps,
  ...(cost.microUsd === null ? {} : { usd: usdText(cost.microUsd) }),
  ...(cost.tokens === null ? {} : { tokens: cost.tokens }),
});

const requestedEvent = (command: RequestDelegation, budget: BudgetLeft): DelegationEvent => {
  const { request, principal, lineage = [], now } = command;
  const startAt = startOf(command);
  return {
    type: 'requested',
    at: now,
    data: {
      principal,
      pattern: request.pattern ?? 'auto',
      budget: budgetData(budget),
      approval: approvalOf(command),
      ...(request.approvalTimeout === undefined ? {} : { approvalTimeoutMs: durationMs(request.approvalTimeout) }),
      ...(startAt > now ? { startAt: timestamp(startAt) } : {}),
      ...(request.priority === undefined ? {} : { priority: request.priority }),
      ...(request.concurrencyKey === undefined ? {} : { concurrencyKey: request.concurrencyKey }),
      ...(request.parent
        ? { parent: { delegationId: request.parent.delegationId, stepId: request.parent.stepId, attempt: request.parent.attempt } }
        : {}),
      ...(lineage.length > 0 ? { lineage } : {}),
    },
    personal: {
      goal: request.goal,
      ...(request.input === undefined ? {} : { input: request.input }),
      ...(request.metadata ? { metadata: request.metadata } : {}),
      ...(request.tools ? { tools: request.tools } : {}),
      ...(request.dataSubject === undefined ? {} : { dataSubject: request.dataSubject }),
    },
  };
};

/** Explicit steps: their graph is the pattern, with confidence 1. */
const decideGivenSteps = (command: RequestDelegation, specs: StepSpec[], budget: BudgetLeft): DelegationEvent[] => {
  verifySteps(specs, command.agents, budget.steps);
  const pattern = patternOf(specs.map((step) => ({ id: step.id, dependsOn: step.dependsOn ?? [] })));
  const asked = command.request.pattern ?? 'auto';
  if (asked !== 'auto' && asked !== pattern)
    throw new AppError(
      'PATTERN_MISMATCH',
      'invalid',
      `the steps are ${pattern}, the request says ${asked}: leave the pattern out, or change dependsOn`,
      { pattern },
    );
  const decision: DelegationEvent = {
    type: 'recognised',
    at: command.now,
    data: { pattern, confidence: 1, alternatives: certain(pattern), model: 'given-steps', planner: false },
    personal: { reasons: [`the graph of the ${specs.length} given steps is ${pattern}`] },
  };
  return [decision, plannedFromSpecs('request', pattern, specs, command)];
};

/** Throws when steps given by a requester or a planner cannot be run: graph, capabilities, number. */
export const verifySteps = (specs: StepSpec[], agents: readonly AgentCapability[], limit: number): void => {
  if (specs.length > limit)
    throw new AppError('BUDGET_EXCEEDED', 'invalid', `${specs.length} steps, the budget allows ${limit}`, { limit: 'steps' });
  const reserved = specs.find(({ id }) => id.startsWith(UNDO_PREFIX));
  if (reserved)
    throw new AppError('RESERVED_STEP', 'invalid', `the step id ${reserved.id} is a compensation's: ids may not begin with ${UNDO_PREFIX}`);
  validateGraph(specs.map((step) => ({ id: step.id, dependsOn: step.dependsOn ?? [] })));
  const known = new Set(agents.map((agent) => agent.capability));
  const needed = specs.flatMap(({ capability, compensate }) => (compensate ? [capability, compensate.capability] : [capability]));
  const unknown = [...new Set(needed.filter((name) => !known.has(name)))];
  if (unknown.length > 0)
    throw new AppError(
      'UNKNOWN_CAPABILITY',
      'invalid',
      `no worker ever registered ${unknown.slice(0, 5).join(', ')} here; known: ${[...known].sort().slice(0, 20).join(', ') || 'none'}`,
      { capabilities: unknown.slice(0, 20) },
    );
};

const certain = (
  pattern: RequestDelegation['request']['pattern'],
): { pattern: 'direct' | 'sequential' | 'parallel' | 'meta'; confidence: number }[] =>
  (['direct', 'sequential', 'parallel', 'meta'] as const).map((name) => ({ pattern: name, confidence: name === pattern ? 1 : 0 }));

const decideReading = (command: RequestDelegation, budget: BudgetLeft): DelegationEvent[] => {
  const { reading, request, now } = command;
  if (!reading) throw new AppError('INTERNAL', 'internal', 'a request without steps came without a reading');
  if (reading.kind === 'unread') return [undecided(now), ...fallBack(command, reading.reason, reading.detail)];
  const { recognition, plan } = reading;
  const asked = request.pattern && request.pattern !== 'auto' ? request.pattern : null;
  const pattern = asked ?? recognition?.pattern ?? 'direct';
  const confidence = asked ? 1 : (recognition?.confidence ?? 0);
  const planner = pattern === 'meta' && confidence >= command.threshold && budget.steps > 1 && mayPlan(command);
  const recognised: DelegationEvent = {
    type: 'recognised',
    at: now,
    data: {
      pattern,
      confidence,
      alternatives: asked || !recognition ? certain(pattern) : recognition.alternatives,
      model: asked || !recognition ? 'requested' : `${recognition.model.name}@${recognition.model.version}`,
      planner,
      threshold: command.threshold,
      ...recognition?.answeredBy,
    },
    personal: { reasons: asked || !recognition ? [`the request says ${pattern}`] : recognition.reasons },
  };
  if (confidence < command.threshold)
    return [recognised, ...fallBack(command, 'LOW_CONFIDENCE', `confidence ${confidence.toFixed(3)} is below ${command.threshold}`)];
  if (planner) return [recognised];
  if ('unplannable' in plan) return [recognised, ...fallBack(command, 'UNPLANNABLE', plan.unplannable)];
  if (plan.steps.length > budget.steps)
    return [recognised, ...fallBack(command, 'UNPLANNABLE', `the plan has ${plan.steps.length} steps, the budget allows ${budget.steps}`)];
  return [recognised, plannedFromText(plan, command)];
};

const mayPlan = ({ plannerAvailable, agents }: RequestDelegation): boolean =>
  plannerAvailable && agents.some((agent) => agent.capability === PLAN_CAPABILITY);

const undecided = (now: number): DelegationEvent => ({
  type: 'recognised',
  at: now,
  data: {
    pattern: 'direct',
    confidence: 0,
    alternatives: (['direct', 'sequential', 'parallel', 'meta'] as const).map((pattern) => ({ pattern, confidence: 0.25 })),
    model: 'none',
    planner: false,
  },
  personal: { reasons: ['the recogniser gave no answer'] },
});

interface FallbackContext {
  request: Pick<RequestDelegation['request'], 'goal' | 'input'>;
  agents: readonly AgentCapability[];
  now: number;
}

/** Plain delegation: the whole goal, as one step, to the best-matching agent. */
export const fallBack = (context: FallbackContext, reason: FallbackReason, detail: string): DelegationEvent[] => {
  const { request, agents, now } = context;
  const capability = bestCapability(request.goal, agents);
  if (capability === null)
    throw new AppError(
      'NO_CAPABILITY',
      'invalid',
      'no registered worker can take a plain delegation: register one with a capability other than plan',
    );
  const step: StepSpec = { id: 's1', capability, goal: request.goal, ...(request.input === undefined ? {} : { input: request.input }) };
  return [
    { type: 'fellback', at: now, data: { reason, capability }, personal: { error: detail } },
    plannedFromSpecs('fallback', 'direct', [step], context),
  ];
};

const plannedStep = (step: StepSpec): PlannedStep => ({
  id: step.id,
  capability: step.capability,
  dependsOn: [...new Set(step.dependsOn ?? [])],
  irreversible: step.irreversible ?? false,
  timeoutMs: durationMs(step.timeout ?? REQUEST_DEFAULTS.stepTimeout),
  maxAttempts: step.maxAttempts ?? REQUEST_DEFAULTS.maxAttempts,
  ...(step.compensate ? { compensate: { capability: step.compensate.capability } } : {}),
});

const textOf = ({ goal, input }: { goal?: string; input?: JsonValue | undefined }): { goal?: string; input?: JsonValue } => ({
  ...(goal === undefined ? {} : { goal }),
  ...(input === undefined ? {} : { input }),
});

/** The plan of steps that someone wrote out; a step without a goal of its own gets the delegation's, a root without input the delegation's. */
export const plannedFromSpecs = (
  by: Planned['data']['by'],
  pattern: Planned['data']['pattern'],
  specs: StepSpec[],
  { request, now }: Pick<FallbackContext, 'request' | 'now'>,
): Planned => ({
  type: 'planned',
  at: now,
  data: { by, pattern, steps: specs.map(plannedStep) },
  personal: {
    texts: Object.fromEntries(
      specs.map((step) => {
        const input = step.input === undefined && (step.dependsOn ?? []).length === 0 ? request.input : step.input;
        return [step.id, { ...textOf({ ...step, input }), ...(step.compensate ? { compensate: textOf(step.compensate) } : {}) }];
      }),
    ),
    reasons: [],
  },
});

const plannedFromText = (plan: PlanProposal, command: RequestDelegation): Planned => {
  const planned = plannedFromSpecs('rules', patternOf(plan.steps), plan.steps, command);
  return { ...planned, personal: { texts: planned.personal?.texts ?? {}, reasons: plan.reasons } };
};
