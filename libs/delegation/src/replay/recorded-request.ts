/** A request and the reading of it, as the events that were decided on them tell. */
import type { DelegationRequest, Pattern, StepSpec } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import type { PlanProposal, Reading, RequestDelegation } from '../commands.js';
import { microUsdOf } from '../cost.js';
import type { DelegationEvent } from '../events.js';
import { PLANNING_STEP } from '../model.js';
import { plan, type AgentCapability } from '../planning/plan.js';

type Of<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

export const firstOf = <Type extends DelegationEvent['type']>(events: readonly DelegationEvent[], type: Type): Of<Type> | undefined =>
  events.find((event): event is Of<Type> => event.type === type);

export interface Situation {
  id: string;
  /** What was registered when it was asked. */
  agents: readonly AgentCapability[];
  /** Another one than it was decided by. */
  threshold?: number;
  /** What stands for it where it is not on record. */
  defaultThreshold: number;
}

/** The command of which `events` are the outcome. Throws AppError `CANNOT_FORK` when they do not tell enough. */
export const recordedRequest = (
  events: readonly DelegationEvent[],
  { id, agents, threshold, defaultThreshold }: Situation,
): RequestDelegation => {
  const requested = firstOf(events, 'requested');
  if (!requested) throw new AppError('CANNOT_FORK', 'conflict', 'it was refused, so there is nothing to run again');
  if (!requested.personal) throw new AppError('CANNOT_FORK', 'conflict', 'what was asked is erased, so it cannot be asked again');
  const planned = firstOf(events, 'planned');
  const steps = planned?.data.by === 'request' ? specsOf(planned) : undefined;
  const request = requestOf(requested, steps);
  const { deadlineAt, depth, steps: most, usd, tokens } = requested.data.budget;
  return {
    type: 'request',
    id,
    principal: requested.data.principal,
    request,
    reading: steps ? null : readingOf(events, request, agents),
    inherited: {
      deadlineAt: Date.parse(deadlineAt),
      depth,
      steps: most,
      cost: { microUsd: usd === undefined ? null : microUsdOf(usd), tokens: tokens ?? null },
    },
    lineage: requested.data.lineage ?? [],
    agents,
    threshold: threshold ?? thresholdOf(events) ?? defaultThreshold,
    plannerAvailable: firstOf(events, 'recognised')?.data.planner ?? false,
    now: requested.at,
  };
};

/** By which it was decided; undefined when that is not on record. */
export const thresholdOf = (events: readonly DelegationEvent[]): number | undefined => firstOf(events, 'recognised')?.data.threshold;

/** What was asked, without the budget. */
export const requestOf = ({ data, personal }: Of<'requested'>, steps: StepSpec[] | undefined): DelegationRequest =>
  ({
    goal: personal?.goal ?? '',
    pattern: data.pattern,
    approval: data.approval,
    ...(personal?.input === undefined ? {} : { input: personal.input }),
    ...(personal?.tools ? { tools: personal.tools } : {}),
    ...(personal?.metadata ? { metadata: personal.metadata } : {}),
    ...(data.priority === undefined ? {} : { priority: data.priority }),
    ...(data.concurrencyKey === undefined ? {} : { concurrencyKey: data.concurrencyKey }),
    ...(data.approvalTimeoutMs === undefined ? {} : { approvalTimeout: `PT${data.approvalTimeoutMs / 1000}S` }),
    ...(steps ? { steps } : {}),
  }) as DelegationRequest;

/** A plan as somebody would write it. */
export const specsOf = ({ data, personal }: Of<'planned'>): StepSpec[] =>
  data.steps
    .filter(({ id }) => id !== PLANNING_STEP)
    .map(({ id, capability, dependsOn, irreversible, timeoutMs, maxAttempts, compensate }) => {
      const { compensate: undone, ...texts } = personal?.texts[id] ?? {};
      const undo = compensate ? { compensate: { ...compensate, ...undone } } : {};
      return { id, capability, dependsOn, irreversible, timeout: `PT${timeoutMs / 1000}S`, maxAttempts, ...texts, ...undo };
    });

/** What was recognised stays; a plan that was not made, because the recogniser was not sure enough, is made by the rules now. */
const readingOf = (events: readonly DelegationEvent[], request: DelegationRequest, agents: readonly AgentCapability[]): Reading => {
  const recognised = firstOf(events, 'recognised');
  const fellBack = firstOf(events, 'fellback');
  const why = fellBack?.data.reason;
  const detail = fellBack?.personal?.error ?? '';
  if (why === 'RECOGNISER_FAILED' || why === 'RECOGNISER_SLOW') return { kind: 'unread', reason: why, detail };
  if (!recognised) throw new AppError('CANNOT_FORK', 'conflict', 'nothing was recognised yet');
  const { pattern, confidence, alternatives, model, digest, layer } = recognised.data;
  const answeredBy = digest === undefined ? {} : { answeredBy: { digest, ...(layer === undefined ? {} : { layer }) } };
  const [name = model, version = ''] = model.split('@');
  const asked = request.pattern !== undefined && request.pattern !== 'auto';
  const reasons = recognised.personal?.reasons ?? [];
  return {
    kind: 'read',
    recognition: asked ? null : { pattern, confidence, alternatives, reasons, model: { name, version }, ...answeredBy },
    plan: why === 'UNPLANNABLE' ? { unplannable: detail } : planOf(events, request, pattern, agents),
  };
};

const planOf = (
  events: readonly DelegationEvent[],
  request: DelegationRequest,
  pattern: Pattern,
  agents: readonly AgentCapability[],
): PlanProposal | { unplannable: string } => {
  const planned = firstOf(events, 'planned');
  if (planned?.data.by !== 'rules') return plan({ goal: request.goal, pattern, tools: request.tools?.map(({ id }) => id) ?? [], agents });
  return {
    steps: specsOf(planned).map(({ id, capability, goal = '', dependsOn = [] }) => ({ id, capability, goal, dependsOn })),
    reasons: planned.personal?.reasons ?? [],
  };
};
