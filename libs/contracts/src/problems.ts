import { AppError, type ErrorKind } from '@mandate/kernel';

/** RFC 9457 problem details; `code` is stable, `detail` says what to do. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  [extension: string]: unknown;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

const STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  limited: 429,
  unavailable: 503,
  internal: 500,
};

const TITLE: Record<ErrorKind, string> = {
  invalid: 'The request is not valid',
  unauthenticated: 'Who is asking is not known',
  forbidden: 'Not allowed',
  'not-found': 'Not found',
  conflict: 'In conflict with what is already there',
  'too-large': 'Too large',
  limited: 'Too many requests',
  unavailable: 'Not available just now, try again',
  internal: 'An error of ours',
};

/** What a caller is told of an error. An unexpected error's message stays inside: it may hold personal data or secrets. */
export const toProblem = (error: unknown): Problem => {
  const known =
    error instanceof AppError
      ? error
      : new AppError('INTERNAL', 'internal', 'Something went wrong here; the operator finds it in the log.');
  return {
    ...known.details,
    type: `urn:mandate:problem:${known.code.toLowerCase().replaceAll('_', '-')}`,
    title: TITLE[known.kind],
    status: STATUS[known.kind],
    code: known.code,
    detail: known.message,
  };
};
