/** Milliseconds since the epoch. Injected, so that domain and tests never read the wall clock. */
export interface Clock {
  now(): number;
}

/** RFC 3339 in UTC with milliseconds. */
export const timestamp = (timeMs: number): string => new Date(timeMs).toISOString();
