import { usedUp } from '../cost.js';
import type { DelegationEvent } from '../events.js';
import { isWork, stepsOf, unblockedSteps } from '../model.js';
import type { Delegation, Step } from '../model.js';
import { approvalRequested } from './approvals.js';
import { afterCompensation } from './compensation.js';
import { orphansOf } from './children.js';

/** What follows by itself once something happened: the end, or the approvals that are now due. */
export const followUps = (state: Delegation, now: number): DelegationEvent[] => {
  if (state.status !== 'active') return [];
  if (state.ending) return afterCompensation(state, now);
  const work = stepsOf(state).filter(isWork);
  if (work.length > 0 && work.every((step) => step.phase.status === 'succeeded'))
    return [{ type: 'completed', at: now, data: { steps: work.length, sinks: sinksOf(work) } }];
  const exceeded = usedUp(state.budget.cost, state.spent);
  if (exceeded)
    return [
      {
        type: 'failed',
        at: now,
        data: { code: 'BUDGET_EXCEEDED', cancels: orphansOf(state) },
        personal: { error: `the budget is used up before the work is done: ${exceeded}` },
      },
    ];
  if (state.planApproval === 'needed') return [approvalRequested({ scope: 'plan' }, state, now)];
  if (state.planApproval === 'requested') return [];
  return unblockedSteps(state)
    .filter((step) => step.approval === 'needed')
    .map((step) => approvalRequested({ scope: 'step', stepId: step.plan.id }, state, now));
};

/** Steps nobody depends on: their outputs are the delegation's result. */
export const sinksOf = (steps: Step[]): string[] => {
  const needed = new Set(steps.flatMap((step) => step.plan.dependsOn));
  return steps.map((step) => step.plan.id).filter((id) => !needed.has(id));
};
