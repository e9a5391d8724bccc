/** The numbers behind decisions about retries and limits, in one place. */

/** First wait before a retry, doubled with each further failure. */
export const RETRY_BASE_MS = 500;
export const RETRY_CAP_MS = 60_000;
/** Before a step that nobody accepted is offered again. */
export const REOFFER_DELAY_MS = 250;
/** A step whose workers keep dying is more likely their killer than their victim. */
export const MAX_LOSSES = 25;

/**
 * Exponential backoff with "equal jitter" (Brooker, "Exponential Backoff And Jitter", AWS 2015): between half of the wait and all of it.
 * `jitter` is drawn by the caller from [0, 1).
 */
export const backoffMs = (failures: number, jitter: number): number =>
  Math.round(Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.max(0, failures - 1)) * (0.5 + jitter / 2));

/** A lost worker's attempt goes to another one almost at once; only repeated losses wait. */
export const lossBackoffMs = (losses: number, jitter: number): number => (losses === 0 ? 0 : backoffMs(losses, jitter));

/** Compensations are through by then, or given up. */
export const COMPENSATION_MS = 24 * 3_600_000;
export const COMPENSATION_ATTEMPTS = 5;

/** Of one delegation, over all of its life. */
export const MAX_CHILDREN = 1_000;

/** What a child gets that does not say what it needs: an eighth of what is left, so that its siblings get some too. */
export const childShare = (left: number): number => Math.ceil(left / 8);
