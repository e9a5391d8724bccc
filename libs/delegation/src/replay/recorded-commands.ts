/** What a delegation was told, read from what it decided: each event of work or steering as the command that led to it. */
import type { StepResult } from '@mandate/contracts';
import type { DelegationDecisionCommand } from '../commands.js';
import type { DelegationEvent } from '../events.js';
import type { ActiveDelegation } from '../model.js';
import type { AgentCapability } from '../planning/plan.js';
import { specsOf } from './recorded-request.js';

export interface Replaying {
  agents: readonly AgentCapability[];
  /** Offers go to this worker instead of the recorded one. */
  instance?: string;
  /** Capabilities without a worker, if that is what ended it. */
  away: readonly string[];
  /** What a planner answered, for its step's success. */
  plannerAnswer: Extract<DelegationEvent, { type: 'planned' }> | undefined;
}

/** The step that an event is about; null for one about the whole delegation. */
export const stepIdOf = ({ data }: DelegationEvent): string | null => ('stepId' in data && data.stepId !== undefined ? data.stepId : null);

/** Null: it follows from others by itself. */
export const commandOf = (event: DelegationEvent, state: ActiveDelegation, replaying: Replaying): DelegationDecisionCommand | null => {
  const now = event.at;
  switch (event.type) {
    case 'stepdispatched': {
      const { stepId, instance, capability, substituteFor, effects, reason } = event.data;
      const phase = state.steps[stepId]?.phase;
      // How long it was to wait was drawn at random then.
      const ready = phase?.status === 'backoff' ? Math.max(now, phase.retryAt) : now;
      const substitute = substituteFor === undefined ? {} : { capability };
      return { type: 'dispatch', stepId, instance: replaying.instance ?? instance, ...substitute, effects, reason, now: ready };
    }
    case 'stepstarted':
      return { type: 'accepted', stepId: event.data.stepId, attempt: attemptOf(state, event.data.stepId), acceptedAt: now, now };
    case 'approved':
    case 'denied': {
      const { by, commandId } = event.data;
      const given = {
        by,
        commandId,
        now,
        ...(event.data.stepId === undefined ? {} : { stepId: event.data.stepId }),
        reason: event.personal?.reason ?? '',
      };
      return event.type === 'denied' ? { ...given, type: 'deny' } : { ...given, type: 'approve', mayApproveOwn: true };
    }
    case 'answered': {
      const { stepId, questionId, by, commandId } = event.data;
      return { type: 'answer', by, commandId, stepId, questionId, answer: event.personal?.answer ?? null, now };
    }
    case 'canceled':
      // What was to be undone took too long.
      if (state.ending) return wake(replaying, now);
      return { type: 'cancel', by: event.data.by, commandId: event.data.commandId, reason: event.personal?.reason ?? '', now };
    case 'compensating':
      if (event.data.outcome === 'canceled')
        return { type: 'cancel', by: event.data.by, commandId: event.data.commandId, reason: event.personal?.error ?? '', now };
      return event.data.code === 'STEP_FAILED' ? null : wake(replaying, now);
    case 'approvalexpired': {
      // Whoever came too late finds it out as the timer does.
      const stepId = event.data.scope === 'step' ? { stepId: event.data.stepId } : {};
      return { type: 'approve', by: '', commandId: '', mayApproveOwn: true, now, ...stepId };
    }
    case 'failed':
      return event.data.code === 'STEP_FAILED' && !state.ending ? null : wake(replaying, now);
    default:
      return reportOf(event, state, replaying);
  }
};

const wake = ({ agents, away }: Replaying, now: number): DelegationDecisionCommand => ({
  type: 'wake',
  capabilitiesAway: new Set(away),
  agents,
  jitter: 0,
  now,
});

const attemptOf = (state: ActiveDelegation, stepId: string): number => state.steps[stepId]?.attempt ?? 0;

/** Events did not always tell. */
const offerOf = ({ data }: DelegationEvent): 'declined' | 'no-answer' => ('offer' in data && data.offer) || 'no-answer';

const LOSSES: ReadonlySet<string> = new Set(['WORKER_LOST', 'OUTCOME_UNKNOWN']);

const reportOf = (event: DelegationEvent, state: ActiveDelegation, replaying: Replaying): DelegationDecisionCommand | null => {
  const { agents } = replaying;
  const report = (
    stepId: string,
    result: Omit<StepResult, 'leaseId'>,
    output = { bytes: 0 } as { bytes: number; sha256?: string },
  ): DelegationDecisionCommand => ({
    type: 'result',
    stepId,
    attempt: attemptOf(state, stepId),
    result: { leaseId: '', ...result } as StepResult,
    output,
    acceptedAt: event.at,
    agents,
    jitter: 0,
    now: event.at,
  });
  switch (event.type) {
    case 'stepprogressed':
      return report(event.data.stepId, { status: 'progress', progress: event.personal?.progress ?? null });
    case 'inputrequired': {
      const { stepId, questionId, usage } = event.data;
      const question = {
        id: questionId,
        text: event.personal?.text ?? '',
        ...(event.personal?.schema ? { schema: event.personal.schema } : {}),
      };
      return report(stepId, { status: 'input_required', question, ...(usage ? { usage } : {}) });
    }
    case 'stepsucceeded': {
      const { stepId, bytes, usage } = event.data;
      const planned = state.steps[stepId]?.planning ? replaying.plannerAnswer : undefined;
      const result = {
        status: 'completed' as const,
        output: event.personal?.output ?? null,
        ...(usage ? { usage } : {}),
        ...(planned ? { plan: specsOf(planned) } : {}),
      };
      return report(stepId, result, { bytes, ...(event.personal?.sha256 ? { sha256: event.personal.sha256 } : {}) });
    }
    case 'stepretried':
    case 'stepfailed': {
      const { stepId, code, usage } = event.data;
      const attempt = attemptOf(state, stepId);
      if (code === 'START_TO_CLOSE_TIMEOUT') return wake(replaying, event.at);
      if (LOSSES.has(code)) return { type: 'worker-lost', stepId, attempt, agents, jitter: 0, now: event.at };
      if (code === 'NOT_ACCEPTED')
        return { type: 'not-accepted', stepId, attempt, lease: state.steps[stepId]?.lease ?? 0, reason: offerOf(event), now: event.at };
      const error = {
        code,
        message: event.personal?.error ?? '',
        retryable: event.type === 'stepretried' || event.data.retryable === true,
      };
      return report(stepId, { status: 'failed', error, ...(usage ? { usage } : {}) });
    }
    default:
      return null;
  }
};
