import type { DelegationDecisionCommand } from '../commands.js';
import type { DelegationEvent } from '../events.js';
import { evolve } from '../evolve.js';
import { dispatchableSteps, isRunning, stepsOf, type ActiveDelegation, type Step } from '../model.js';
import { decideExpiry } from './approvals.js';
import { afterCompensation } from './compensation.js';
import { orphansOf } from './children.js';
import { endAttempt } from './work.js';

type Wake = Extract<DelegationDecisionCommand, { type: 'wake' }>;

/** A durable timer fired, perhaps early: what is really due at `now` happens, the rest waits on. */
export const decideWake = (command: Wake, state: ActiveDelegation): DelegationEvent[] => {
  if (command.now >= state.budget.deadlineAt) return state.ending ? afterCompensation(state, command.now) : deadline(command, state);
  const expired = decideExpiry(state, command.now);
  if (expired.length > 0) return expired;
  const events: DelegationEvent[] = [];
  let folded: ReturnType<typeof evolve> = state;
  for (const { plan } of stepsOf(state)) {
    if (folded.status !== 'active') break;
    const step = folded.steps[plan.id] as Step;
    if (!isRunning(step) || !('closeAt' in step.phase) || step.phase.closeAt > command.now) continue;
    const due = timedOut(command, folded, step);
    folded = due.reduce((s, event) => evolve(s, event), folded as ReturnType<typeof evolve>);
    events.push(...due);
  }
  return events;
};

const timedOut = (command: Wake, state: ActiveDelegation, step: Step): DelegationEvent[] => [
  { type: 'steptimedout', at: command.now, data: { stepId: step.plan.id, attempt: step.attempt, timeout: 'start-to-close' } },
  ...endAttempt(state, step, {
    ...(step.effects === 'at-most-once' && step.phase.status === 'started'
      ? {
          code: 'OUTCOME_UNKNOWN',
          message: 'the worker did not report in time, and the step must not be done twice: check its effect by hand',
          retry: 'never' as const,
        }
      : { code: 'START_TO_CLOSE_TIMEOUT', message: `no result within ${step.plan.timeoutMs} ms`, retry: 'counted' as const }),
    agents: command.agents,
    jitter: command.jitter,
    now: command.now,
  }),
];

/** The delegation's own deadline: the end, and why. */
const deadline = (command: Wake, state: ActiveDelegation): DelegationEvent[] => {
  const { now } = command;
  const starved = dispatchableSteps(state, now).filter((step) => command.capabilitiesAway.has(step.plan.capability));
  const nobody = starved.length > 0 && !stepsOf(state).some(isRunning);
  const capabilities = [...new Set(starved.map((step) => step.plan.capability))].join(', ');
  return [
    ...starved.map((step): DelegationEvent => ({
      type: 'steptimedout',
      at: now,
      data: { stepId: step.plan.id, attempt: step.attempt, timeout: 'schedule-to-start' },
    })),
    {
      type: 'failed',
      at: now,
      data: { code: nobody ? 'NO_WORKER' : 'DEADLINE_EXCEEDED', cancels: orphansOf(state) },
      personal: {
        error: nobody ? `no worker for ${capabilities} came before the deadline` : 'the deadline passed before the work was done',
      },
    },
  ];
};
