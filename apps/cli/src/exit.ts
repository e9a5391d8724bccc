/** Exit statuses of the contract, and what is said before. */
import type { Problem } from '@mandate/contracts';

export const EXIT = { done: 0, no: 1, usage: 2, unreachable: 3 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly code: string,
    message: string,
    readonly status: ExitStatus,
    readonly hint?: string,
  ) {
    super(message);
  }
}

const statusOf = (http: number): ExitStatus => {
  if (http === 400 || http === 413 || http === 422) return EXIT.usage;
  return http >= 502 && http <= 504 ? EXIT.unreachable : EXIT.no;
};

/** By code, else by status. */
const HINTS: Record<string, string> = {
  SELF_APPROVAL: '--as names who approves',
  401: 'set MANDATE_API_KEY, or run this where .mandate/credentials.json is',
  403: 'ask an administrator of the tenant for the right to do this',
};

export const problemError = (problem: Problem): CliError =>
  new CliError(problem.code, problem.detail || problem.title, statusOf(problem.status), HINTS[problem.code] ?? HINTS[problem.status]);

export const unreachable = (what: string, why: string, hint = 'start it with npm start, or set MANDATE_API_URL'): CliError =>
  new CliError('UNREACHABLE', `cannot reach ${what}: ${why}`, EXIT.unreachable, hint);
