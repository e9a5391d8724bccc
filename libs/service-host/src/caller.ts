/** Who asks, and in which trace. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ADMINISTRATOR, NAME_TOKEN, PRINCIPAL_HEADER } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { runInTrace } from './trace-context.js';

export interface Caller {
  tenant: string;
  principal: string;
  /** W3C Trace Context, always valid. */
  traceparent: string;
}

const DEFAULT_TENANT = 'default';

const traces = new WeakMap<IncomingMessage, string>();

/** Middleware: continues the caller's trace or begins one, and says which in the response. */
export const traceRequests = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
  const given = request.headers['traceparent'];
  const traceparent = continueTrace(typeof given === 'string' ? given : undefined);
  traces.set(request, traceparent);
  response.setHeader('traceparent', traceparent);
  runInTrace(traceparent, next);
};

/** Throws AppError `INVALID_PRINCIPAL`. The key (`Authorization`) is taken and not looked at: there is nothing to check it against yet. */
export const callerOf = (request: IncomingMessage): Caller => {
  const principal = request.headers[PRINCIPAL_HEADER.toLowerCase()] ?? ADMINISTRATOR;
  if (typeof principal !== 'string' || !NAME_TOKEN.test(principal))
    throw new AppError('INVALID_PRINCIPAL', 'invalid', `${PRINCIPAL_HEADER} must match [A-Za-z0-9_-]{1,64}`);
  return { tenant: DEFAULT_TENANT, principal, traceparent: traces.get(request) ?? continueTrace(undefined) };
};

/** The `Caller` of a route. */
export const FromCaller = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<IncomingMessage>()),
);
