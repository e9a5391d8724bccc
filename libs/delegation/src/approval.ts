/** What an approval is for: exactly what will run. Shown to whoever decides, and what its digest is taken of. */
import type { JsonObject, JsonValue } from '@mandate/kernel';
import type { ApprovalScope } from './events.js';
import { isWork, stepsOf, type ActiveDelegation, type Step } from './model.js';
import { outputView } from './output.js';

export const approvalSubject = (state: ActiveDelegation, scope: ApprovalScope): JsonObject => {
  const asked = { delegationId: state.id, goal: state.goal, input: state.input };
  if (scope.scope === 'plan') {
    const work = stepsOf(state).filter(isWork);
    return { ...asked, steps: work.map((step) => planned(step, state)) };
  }
  const step = state.steps[scope.stepId];
  if (!step) return { delegationId: state.id, stepId: scope.stepId };
  const answers: JsonObject = Object.keys(step.answers).length > 0 ? { answers: step.answers } : {};
  return { delegationId: state.id, ...what(step, state), results: resultsOf(step, state), ...answers };
};

const what = ({ plan }: Step, state: ActiveDelegation): JsonObject => ({
  stepId: plan.id,
  capability: plan.capability,
  goal: plan.goal ?? state.goal,
  input: plan.input ?? null,
});

const planned = (step: Step, state: ActiveDelegation): JsonObject => {
  const { dependsOn, irreversible, timeoutMs, maxAttempts, compensate } = step.plan;
  return { ...what(step, state), dependsOn, irreversible, timeoutMs, maxAttempts, ...(compensate ? { compensate } : {}) };
};

/** The outputs of a step's direct dependencies, as its worker gets them. */
export const resultsOf = (step: Step, state: ActiveDelegation): Record<string, JsonValue> =>
  Object.fromEntries(
    step.plan.dependsOn.map((id): [string, JsonValue] => {
      const phase = state.steps[id]?.phase;
      return [id, phase?.status === 'succeeded' ? outputView(state.id, id, phase.output) : null];
    }),
  );
