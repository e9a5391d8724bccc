/** The delegation as its readers see it (contract 3.3). */
import type { ApprovalView, DelegationView, StepView, TaskState } from '@mandate/contracts';
import { timestamp, type JsonValue } from '@mandate/kernel';
import { approvalSubject } from './approval.js';
import { usdText } from './cost.js';
import { pendingApprovals } from './deciding/approvals.js';
import { sinksOf } from './deciding/follow-ups.js';
import { isWork, stepsOf, type ActiveDelegation, type Delegation, type EndedDelegation, type Ending, type Step } from './model.js';
import { outputView } from './output.js';

export const taskStateOf = (state: Delegation): TaskState => {
  switch (state.status) {
    case 'absent':
    case 'active':
      return state.status === 'active' ? activeState(state) : 'TASK_STATE_SUBMITTED';
    case 'completed':
      return 'TASK_STATE_COMPLETED';
    case 'failed':
      return 'TASK_STATE_FAILED';
    case 'canceled':
      return 'TASK_STATE_CANCELED';
    case 'rejected':
      return 'TASK_STATE_REJECTED';
  }
};

/** Waiting for a person counts only when nothing else moves. */
const activeState = (state: ActiveDelegation): TaskState => {
  if (state.planApproval === 'requested') return 'TASK_STATE_INPUT_REQUIRED';
  const states = stepsOf(state).map(stepState);
  if (states.includes('TASK_STATE_WORKING')) return 'TASK_STATE_WORKING';
  if (states.includes('TASK_STATE_INPUT_REQUIRED')) return 'TASK_STATE_INPUT_REQUIRED';
  return states.includes('TASK_STATE_COMPLETED') ? 'TASK_STATE_WORKING' : 'TASK_STATE_SUBMITTED';
};

const stepState = (step: Step): TaskState => {
  switch (step.phase.status) {
    case 'pending':
      return step.approval === 'requested' ? 'TASK_STATE_INPUT_REQUIRED' : 'TASK_STATE_SUBMITTED';
    case 'backoff':
    case 'dispatched':
    case 'started':
      return 'TASK_STATE_WORKING';
    case 'input-required':
      return 'TASK_STATE_INPUT_REQUIRED';
    case 'succeeded':
      return 'TASK_STATE_COMPLETED';
    case 'failed':
      return 'TASK_STATE_FAILED';
    case 'canceled':
      return 'TASK_STATE_CANCELED';
  }
};

const stepView = (delegationId: string, step: Step): StepView => {
  const { phase, plan } = step;
  return {
    id: plan.id,
    capability: plan.capability,
    ...(step.capability === plan.capability ? {} : { substitute: step.capability }),
    state: stepState(step),
    attempt: step.attempt,
    dependsOn: plan.dependsOn,
    worker: phase.status === 'pending' || phase.status === 'backoff' ? null : step.instance,
    startedAt: step.startedAt === null ? null : timestamp(step.startedAt),
    endedAt: 'endedAt' in phase ? timestamp(phase.endedAt) : null,
    ...(step.compensates === null ? {} : { compensates: step.compensates }),
    ...(phase.status === 'succeeded' ? { output: outputView(delegationId, plan.id, phase.output) } : {}),
    ...(phase.status === 'failed' ? { error: phase.error } : {}),
    ...(phase.status === 'input-required' ? { question: phase.question } : {}),
  };
};

/** The only sink's output, else an object of all sinks' outputs by step id. */
const resultOf = (state: EndedDelegation): JsonValue => {
  const work = stepsOf(state).filter(isWork);
  const outputs = sinksOf(work).map((id): [string, JsonValue] => {
    const { phase } = state.steps[id] as Step;
    return [id, phase.status === 'succeeded' ? outputView(state.id, id, phase.output) : null];
  });
  return outputs.length === 1 ? (outputs[0] as [string, JsonValue])[1] : Object.fromEntries(outputs);
};

const approvalsOf = (state: Delegation): { approvals?: ApprovalView[] } => {
  const pending = state.status === 'active' ? pendingApprovals(state) : [];
  if (state.status !== 'active' || pending.length === 0) return {};
  const approvals = pending.map(({ asked: { digest, expiresAt }, ...scope }) => ({
    ...scope,
    ...(digest === null ? {} : { digest }),
    ...(expiresAt === null ? {} : { expiresAt: timestamp(expiresAt) }),
    subject: approvalSubject(state, scope),
  }));
  return { approvals };
};

const endingView = (ending: Ending): NonNullable<DelegationView['ending']> =>
  ending.outcome === 'canceled'
    ? { state: 'TASK_STATE_CANCELED' }
    : { state: 'TASK_STATE_FAILED', error: { code: ending.code, message: ending.error } };

/** Null for a delegation that never was. */
export const toView = (state: Delegation): DelegationView | null => {
  if (state.status === 'absent') return null;
  if (state.status === 'rejected')
    return {
      id: state.id,
      state: 'TASK_STATE_REJECTED',
      goal: '',
      pattern: null,
      confidence: null,
      decision: null,
      steps: [],
      error: state.error,
      createdAt: timestamp(state.at),
      endedAt: timestamp(state.at),
    };
  const { decision } = state;
  return {
    id: state.id,
    state: taskStateOf(state),
    goal: state.goal ?? { erased: true },
    pattern: decision?.pattern ?? null,
    confidence: decision?.confidence ?? null,
    decision: decision && {
      chosen: decision.pattern,
      alternatives: decision.alternatives,
      model: decision.model,
      fallback: decision.fallback,
    },
    steps: stepsOf(state).map((step) => stepView(state.id, step)),
    ...approvalsOf(state),
    ...(state.status === 'active' && state.ending ? { ending: endingView(state.ending) } : {}),
    ...(state.status === 'completed' ? { result: resultOf(state) } : {}),
    ...('error' in state && state.error ? { error: state.error } : {}),
    spent: { usd: usdText(state.spent.microUsd), tokens: state.spent.tokens },
    createdAt: timestamp(state.requestedAt),
    ...(state.startAt === null ? {} : { startAt: timestamp(state.startAt) }),
    ...('endedAt' in state ? { endedAt: timestamp(state.endedAt) } : {}),
  };
};
