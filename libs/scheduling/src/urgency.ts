/**
 * Priority with ageing as one number that never changes: when a step would have had to come to stand here with priority 0. One level of priority
 * is worth a minute of waiting, so whatever comes later with priority 9 overtakes a step of priority 0 for nine minutes at most, and an index can
 * hold the order however long the queue is.
 */
export const PRIORITIES = { lowest: 0, default: 4, highest: 9 } as const;
export const AGEING_MS_A_LEVEL = 60_000;

/** Smaller goes first. `since`: when the step began to wait, in milliseconds. */
export const urgencyOf = (since: number, priority: number): number => since - priority * AGEING_MS_A_LEVEL;
