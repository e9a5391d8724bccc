/** The slots that a delegation's running steps hold, as its state has them. */
import { isRunning, stepsOf, type Delegation } from '@mandate/delegation';

export interface HeldSlot {
  stepId: string;
  instance: string;
  capability: string;
  key: string | null;
}

export const concurrencyKeyOf = (state: Delegation): string | null => ('concurrencyKey' in state ? state.concurrencyKey : null);

export const slotsHeld = (state: Delegation): HeldSlot[] =>
  'steps' in state
    ? stepsOf(state)
        .filter((step) => isRunning(step) && step.instance !== null)
        .map((step) => ({
          stepId: step.plan.id,
          instance: step.instance as string,
          capability: step.plan.capability,
          key: concurrencyKeyOf(state),
        }))
    : [];
