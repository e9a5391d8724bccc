/** Attempts: offered, begun, reported, lost. Who may report is the caller's to check (the lease); what a report means is decided here. */
import type { DelegationRequest, StepUsage } from '@mandate/contracts';
import { AppError, timestamp } from '@mandate/kernel';
import type { DelegationDecisionCommand } from '../commands.js';
import type { DelegationEvent } from '../events.js';
import { isDispatchable, isRunning, PLANNING_STEP, type ActiveDelegation, type Step } from '../model.js';
import { patternOf } from '@mandate/recognition';
import { backoffMs, lossBackoffMs, MAX_LOSSES, REOFFER_DELAY_MS } from '../policy.js';
import { orphansOf, stepsLeft } from './children.js';
import { fallBack, plannedFromSpecs, verifySteps } from './request.js';

type Command<Type extends DelegationDecisionCommand['type']> = Extract<DelegationDecisionCommand, { type: Type }>;

/**
 * Offers a step to a worker whose slot was granted: a new attempt, or the same one under a new lease when it never began. Nothing when the
 * step may not be offered (any more): slots are granted outside, and what they were granted for may have changed since.
 */
export const decideDispatch = (
  { stepId, instance, capability: substitute, effects, reason, now }: Command<'dispatch'>,
  state: ActiveDelegation,
): DelegationEvent[] => {
  const step = state.steps[stepId];
  const again = step?.phase.status === 'dispatched';
  if (!step || !(again || isDispatchable(step, state, now))) return [];
  const capability = substitute ?? step.plan.capability;
  return [
    {
      type: 'stepdispatched',
      at: now,
      data: {
        stepId,
        attempt: again ? step.attempt : step.attempt + 1,
        lease: again ? step.lease + 1 : 1,
        instance,
        capability,
        ...(capability === step.plan.capability ? {} : { substituteFor: step.plan.capability }),
        effects,
        reason,
        closeAt: timestamp(now + step.plan.timeoutMs),
      },
    },
  ];
};

const current = (state: ActiveDelegation, stepId: string, attempt: number): Step | null => {
  const step = state.steps[stepId];
  return step && step.attempt === attempt && isRunning(step) ? step : null;
};

export const decideAccepted = ({ stepId, attempt, acceptedAt }: Command<'accepted'>, state: ActiveDelegation): DelegationEvent[] => {
  const step = current(state, stepId, attempt);
  return step?.phase.status === 'dispatched' ? [started(step, acceptedAt)] : [];
};

const started = (step: Step, at: number): DelegationEvent => ({
  type: 'stepstarted',
  at,
  data: { stepId: step.plan.id, attempt: step.attempt, instance: step.instance ?? '', closeAt: timestamp(at + step.plan.timeoutMs) },
});

/** A report under the current lease. Its acceptance is recorded with it when it was not before. */
export const decideResult = (command: Command<'result'>, state: ActiveDelegation): DelegationEvent[] => {
  const { stepId, attempt, now } = command;
  const step = current(state, stepId, attempt);
  if (!step) throw new AppError('LEASE_NOT_CURRENT', 'conflict', `attempt ${attempt} of step ${stepId} is not current`);
  const begun = step.phase.status === 'dispatched' ? [started(step, command.acceptedAt ?? now)] : [];
  return [...begun, ...reported(command, step, state)];
};

const reported = (command: Command<'result'>, step: Step, state: ActiveDelegation): DelegationEvent[] => {
  const { result, now } = command;
  const at = { stepId: step.plan.id, attempt: step.attempt };
  switch (result.status) {
    case 'progress':
      return [{ type: 'stepprogressed', at: now, data: at, personal: { progress: result.progress ?? null } }];
    case 'input_required':
      return [
        {
          type: 'inputrequired',
          at: now,
          data: { ...at, questionId: result.question?.id ?? '', cancels: orphansOf(state, at), ...used(result.usage) },
          personal: { text: result.question?.text ?? '', ...(result.question?.schema ? { schema: result.question.schema } : {}) },
        },
      ];
    case 'failed':
      return endAttempt(state, step, {
        code: result.error?.code ?? 'FAILED',
        message: result.error?.message ?? '',
        retry: result.error?.retryable === false || step.effects === 'at-most-once' ? 'never' : 'counted',
        isRetryable: result.error?.retryable !== false,
        usage: result.usage,
        ...command,
      });
    case 'completed':
      return completed(command, step, state);
  }
};

const retryable = ({ isRetryable = false }: AttemptEnd): { retryable?: boolean } => (isRetryable ? { retryable: true } : {});

const used = (usage: StepUsage | undefined): { usage?: StepUsage } => (usage ? { usage } : {});

const completed = (command: Command<'result'>, step: Step, state: ActiveDelegation): DelegationEvent[] => {
  const { result, output, agents, now } = command;
  const at = { stepId: step.plan.id, attempt: step.attempt };
  const succeeded: DelegationEvent = {
    type: 'stepsucceeded',
    at: now,
    data: { ...at, bytes: output.bytes, ...used(result.usage) },
    personal: { output: result.output ?? null, ...(output.sha256 ? { sha256: output.sha256 } : {}) },
  };
  if (!step.planning) {
    if (!result.plan) return [succeeded];
    return endAttempt(state, step, {
      code: 'UNEXPECTED_PLAN',
      message: 'only the planning step may answer with a plan',
      retry: 'never',
      ...command,
    });
  }
  try {
    const plan = result.plan ?? [];
    if (plan.length === 0) throw new AppError('EMPTY_PLAN', 'invalid', 'the planner answered without steps');
    if (plan.some((planned) => planned.id === PLANNING_STEP))
      throw new AppError('RESERVED_STEP', 'invalid', `the step id ${PLANNING_STEP} is the planning step's own`);
    verifySteps(plan, agents, stepsLeft(state));
    const planned = plannedFromSpecs('planner', patternOf(plan.map((s) => ({ id: s.id, dependsOn: s.dependsOn ?? [] }))), plan, {
      request: requestOf(state),
      now,
    });
    return [succeeded, planned];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return endAttempt(state, step, { code: error.code, message: error.message, retry: 'never', ...command });
  }
};

const requestOf = (state: ActiveDelegation): Pick<DelegationRequest, 'goal' | 'input'> => ({
  goal: state.goal ?? '',
  ...(state.input === null ? {} : { input: state.input }),
});

/** The offer came to nothing and no other slot is free: the step waits again. The attempt never began, so it counts nothing. */
export const decideNotAccepted = (
  { stepId, attempt, lease, reason, now }: Command<'not-accepted'>,
  state: ActiveDelegation,
): DelegationEvent[] => {
  const step = current(state, stepId, attempt);
  if (step?.phase.status !== 'dispatched' || step.lease !== lease) return [];
  const cancels = orphansOf(state, { stepId, attempt });
  return [
    {
      type: 'stepretried',
      at: now,
      data: { stepId, attempt, code: 'NOT_ACCEPTED', counts: false, retryAt: timestamp(now + REOFFER_DELAY_MS), cancels, offer: reason },
      personal: { error: `worker ${step.instance ?? ''}: ${reason}` },
    },
  ];
};

/** The worker of an attempt is gone. What may have been begun and must not be done twice has an unknown outcome. */
export const decideWorkerLost = (command: Command<'worker-lost'>, state: ActiveDelegation): DelegationEvent[] => {
  const step = current(state, command.stepId, command.attempt);
  if (!step) return [];
  const timedOut: DelegationEvent = {
    type: 'steptimedout',
    at: command.now,
    data: { stepId: step.plan.id, attempt: step.attempt, timeout: 'heartbeat', ...(command.quarantined ? { quarantined: true } : {}) },
  };
  return [timedOut, ...endAttempt(state, step, { ...lossOf(step), ...command })];
};

const lossOf = (step: Step): Pick<AttemptEnd, 'code' | 'message' | 'retry'> => {
  if (step.effects === 'at-most-once' && step.phase.status === 'started')
    return {
      code: 'OUTCOME_UNKNOWN',
      message: 'the worker was lost after it began, and the step must not be done twice: check its effect by hand',
      retry: 'never',
    };
  if (step.losses >= MAX_LOSSES)
    return { code: 'WORKER_LOST', message: `${step.losses + 1} workers were lost while they had this step`, retry: 'never' };
  return { code: 'WORKER_LOST', message: `worker ${step.instance ?? ''} was lost`, retry: 'uncounted' };
};

export interface AttemptEnd {
  code: string;
  message: string;
  /** `counted`: against maxAttempts; `uncounted`: not the step's fault. */
  retry: 'never' | 'counted' | 'uncounted';
  /** By what the worker says, another attempt might do better. */
  isRetryable?: boolean;
  /** What the attempt reported to have used. */
  usage?: StepUsage | undefined;
  agents: Command<'result'>['agents'];
  jitter: number;
  now: number;
}

/** An attempt ended without success: another one later, or the step fails for good and the delegation with it. */
export const endAttempt = (state: ActiveDelegation, step: Step, end: AttemptEnd): DelegationEvent[] => {
  const at = { stepId: step.plan.id, attempt: step.attempt };
  const { code, message, now } = end;
  if (step.planning && end.retry !== 'uncounted') return planningFailed(state, at, end);
  const counts = end.retry === 'counted';
  if (end.retry === 'uncounted' || (counts && step.failures + 1 < step.plan.maxAttempts)) {
    const waitMs = counts ? backoffMs(step.failures + 1, end.jitter) : lossBackoffMs(step.losses, end.jitter);
    return [
      {
        type: 'stepretried',
        at: now,
        data: { ...at, code, counts, retryAt: timestamp(now + waitMs), cancels: orphansOf(state, at), ...used(end.usage) },
        personal: { error: message },
      },
    ];
  }
  const stepFailed: DelegationEvent = {
    type: 'stepfailed',
    at: now,
    data: { ...at, code, ...retryable(end), cancels: orphansOf(state, at), ...used(end.usage) },
    personal: { error: message },
  };
  if (state.ending) return [stepFailed];
  return [
    stepFailed,
    {
      type: 'failed',
      at: now,
      data: { code: code === 'OUTCOME_UNKNOWN' ? code : 'STEP_FAILED', stepId: step.plan.id, cancels: orphansOf(state) },
      personal: { error: `step ${step.plan.id} failed for good after ${step.attempt} attempt(s): ${code}: ${message}` },
    },
  ];
};

/** Plain delegation instead; where nobody could take that either, the end. */
const planningFailed = (state: ActiveDelegation, at: { stepId: string; attempt: number }, end: AttemptEnd): DelegationEvent[] => {
  const { code, message, agents, now } = end;
  const stepFailed: DelegationEvent = {
    type: 'stepfailed',
    at: now,
    data: { ...at, code, ...retryable(end), cancels: orphansOf(state, at) },
    personal: { error: message },
  };
  const reason = code === 'START_TO_CLOSE_TIMEOUT' ? 'PLANNER_SLOW' : 'PLANNER_FAILED';
  try {
    if (stepsLeft(state) < 1) throw new AppError('BUDGET_EXCEEDED', 'invalid', 'the planner and its children used up the steps');
    return [stepFailed, ...fallBack({ request: requestOf(state), agents, now }, reason, `${code}: ${message}`)];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const failed = { code: error.code, stepId: at.stepId, cancels: orphansOf(state) };
    return [
      stepFailed,
      {
        type: 'failed',
        at: now,
        data: failed,
        personal: { error: `no plan (${code}: ${message}), and no plain delegation: ${error.message}` },
      },
    ];
  }
};
