/** Errors of ours and of the framework as problem documents over HTTP. */
import type { ServerResponse } from 'node:http';
import { PROBLEM_CONTENT_TYPE, toProblem, type Problem } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { HttpException } from '@nestjs/common';

export const BAD_REQUEST = new AppError('BAD_REQUEST', 'invalid', 'the request cannot be read');

const OF_STATUS: Readonly<Record<number, AppError>> = {
  400: BAD_REQUEST,
  404: new AppError('ROUTE_NOT_FOUND', 'not-found', 'there is nothing here; the routes stand in /openapi.json'),
  405: new AppError('METHOD_NOT_ALLOWED', 'invalid', 'this path does not take this method; see /openapi.json'),
  413: new AppError('TOO_LARGE', 'too-large', 'at most 1048576 bytes are taken: pass large data by reference'),
  415: new AppError('UNSUPPORTED_ENCODING', 'invalid', 'send the body as plain JSON, gzip, deflate or br'),
};

/** The status that Nest's, Express' and body-parser's own errors carry; undefined for everything else. */
const statusOf = (error: unknown): number | undefined => {
  if (error instanceof HttpException) return error.getStatus();
  const status: unknown = typeof error === 'object' && error !== null && 'expose' in error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : undefined;
};

/** Any error as RFC 9457 problem details, those of the framework included. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof AppError) return toProblem(error);
  const status = statusOf(error);
  if (status === undefined || status >= 500) return toProblem(error);
  return { ...toProblem(OF_STATUS[status] ?? BAD_REQUEST), status };
};

export const sendProblem = (response: ServerResponse, problem: Problem): void => {
  // Whatever the route says of its answers: a tile that is not there yet will be.
  response.writeHead(problem.status, { 'content-type': PROBLEM_CONTENT_TYPE, 'cache-control': 'no-store' });
  response.end(JSON.stringify(problem));
};
