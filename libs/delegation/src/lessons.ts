/**
 * What a delegation teaches about reading requests. A graph that was used and served, or somebody's word, says what the request asked for; a
 * plan by rules that merely worked or did not says a little; a plain delegation says nothing.
 */
import type { Pattern } from '@mandate/contracts';
import type { DelegationEvent } from './events.js';
import { PLANNING_STEP, type Delegation } from './model.js';

export type LessonSource = 'feedback' | 'requester' | 'planner' | 'outcome';

export interface Lesson {
  by: LessonSource;
  pattern: Pattern;
  /** Of an outcome: whether the pattern that was tried served. Everything else says which pattern is right. */
  succeeded: boolean;
}

/** Ends that come from outside: they say nothing of the plan. */
const NOT_THE_PLANS_FAULT: ReadonlySet<string> = new Set([
  'NO_WORKER',
  'WORKER_LOST',
  'OUTCOME_UNKNOWN',
  'START_TO_CLOSE_TIMEOUT',
  'BUDGET_EXCEEDED',
  'DEADLINE_EXCEEDED',
]);

/** `state`: with the event already in it. Null for what teaches nothing. */
export const lessonOf = (event: DelegationEvent, state: Delegation): Lesson | null => {
  if (event.type === 'feedbackgiven') return { by: 'feedback', pattern: event.data.pattern, succeeded: true };
  if (!('decision' in state) || !state.decision || state.decision.fallback !== null) return null;
  const { pattern, model } = state.decision;
  if (event.type === 'completed') return { by: sourceOf(model, PLANNING_STEP in state.steps), pattern, succeeded: true };
  if (event.type !== 'failed' || NOT_THE_PLANS_FAULT.has(event.data.code)) return null;
  const refused = event.data.code === 'DENIED' && event.data.stepId === undefined;
  const undone = event.data.stepId !== undefined && event.data.code !== 'DENIED';
  return (refused || undone) && sourceOf(model, PLANNING_STEP in state.steps) === 'outcome'
    ? { by: 'outcome', pattern, succeeded: false }
    : null;
};

const sourceOf = (model: string, planner: boolean): LessonSource => {
  if (planner) return 'planner';
  return model === 'given-steps' || model === 'requested' ? 'requester' : 'outcome';
};
