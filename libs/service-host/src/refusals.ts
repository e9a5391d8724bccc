/** Who is refused what over HTTP is on record before it is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toProblem, type Problem } from '@mandate/contracts';
import { callerOf } from './caller.js';
import { sendProblem } from './http-problems.js';
import { routeName, type Routed } from './route-name.js';

export interface HttpRefusal {
  tenant: string;
  principal: string;
  kind: 'operator';
  via: 'http';
  /** As `routeName` says. */
  operation: string;
  code: string;
  status: number;
  traceparent?: string;
}

/** Resolves once it is on record; rejects when it cannot be. */
export type RecordRefusal = (refusal: HttpRefusal) => Promise<void>;

const NOBODY = { tenant: 'default', principal: 'unknown' };

/** What was asked for and does not exist is not repeated: it may be anything. */
const operationOf = (request: Routed): string => {
  const name = routeName(request);
  return name === null || name.includes('*') ? `${request.method} other` : name;
};

const whoAsks = (request: IncomingMessage): { tenant: string; principal: string; traceparent?: string } => {
  try {
    return callerOf(request);
  } catch {
    return NOBODY;
  }
};

/** Answers with the problem; a refusal (4xx) only once it is on record, and with that problem when it cannot be. */
export const answerProblem = async (
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  record: RecordRefusal | undefined,
): Promise<void> => {
  let told = problem;
  if (record && problem.status >= 400 && problem.status < 500) {
    const { code, status } = problem;
    const refusal = { ...whoAsks(request), kind: 'operator', via: 'http', operation: operationOf(request), code, status } as const;
    await record(refusal).catch((error: unknown) => (told = toProblem(error)));
  }
  if (response.headersSent || response.destroyed) response.destroy();
  else sendProblem(response, told);
};
