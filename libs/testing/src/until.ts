import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** What is waited for, for the failure message: "the delegation to complete". */
  what: string;
  timeoutMs?: number;
  everyMs?: number;
}

/**
 * Asks `condition` again and again until it gives something truthy, and resolves to that. A condition that throws has not come true yet.
 * Rejects after `timeoutMs` (10 s) with what was waited for and what the condition said last.
 */
export const until = async <T>(condition: () => T | Promise<T>, options: UntilOptions): Promise<NonNullable<Exclude<T, false>>> => {
  const { what, timeoutMs = 10_000, everyMs = 20 } = options;
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const last = await outcome(condition);
    if (last.value) return last.value as NonNullable<Exclude<T, false>>;
    if (performance.now() >= giveUpAt) throw new Error(`waited ${timeoutMs} ms for ${what}; ${saying(last)}`, { cause: last.error });
    await delay(everyMs);
  }
};

interface Outcome<T> {
  value?: T;
  threw?: boolean;
  error?: unknown;
}

const outcome = async <T>(condition: () => T | Promise<T>): Promise<Outcome<T>> => {
  try {
    return { value: await condition() };
  } catch (error) {
    return { threw: true, error };
  }
};

const saying = ({ value, threw, error }: Outcome<unknown>): string =>
  threw
    ? `the condition last threw ${error instanceof Error ? error.message : String(error)}`
    : `the condition last gave ${JSON.stringify(value)}`;
