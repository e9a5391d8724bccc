/** Waiting between tries: exponential with full jitter, so that a thousand clients do not come back at the same moment. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Backoff {
  firstMs: number;
  capMs: number;
}

export const backoffMs = (attempt: number, { firstMs, capMs }: Backoff, random: () => number = Math.random): number =>
  Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30)) * (0.5 + random() / 2);

/** Resolves after the wait; rejects with the signal's reason when it aborts first. */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
};
