/** Who is shown what over HTTP is on record before it is shown. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@mandate/kernel';
import { SetMetadata, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { mergeMap, type Observable } from 'rxjs';
import { callerOf } from './caller.js';
import { routeName, type Routed } from './route-name.js';

export interface HttpRead {
  tenant: string;
  principal: string;
  kind: 'operator';
  via: 'http';
  /** As `routeName` says. */
  operation: string;
  /** `<type>/<id>`; null of what is about no single one. */
  resource: string | null;
  traceparent?: string;
}

/** Resolves once it is on record; rejects when it cannot be. */
export type RecordRead = (read: HttpRead) => Promise<void>;

export interface Asked {
  params: Readonly<Record<string, string | readonly string[]>>;
  query: Readonly<Record<string, unknown>>;
}

/** Whose data an answer shows: `<type>/<id>`, null if no single one's, false if nobody's. Never text that the caller made up. */
export type Disclosure = (asked: Asked) => string | null | false;

const DISCLOSURE = 'mandate:disclosure';
const OF_NO_SINGLE_ONE: Disclosure = () => null;
const OF_NOBODY: Disclosure = () => false;

/** What a route shows. GET routes that say nothing show something of no single resource: leaving one out takes a reason. */
export const Discloses = (disclosure: Disclosure = OF_NO_SINGLE_ONE): MethodDecorator => SetMetadata(DISCLOSURE, disclosure);

/** The one that the path names. */
export const inPath =
  (type: string, parameter = 'id'): Disclosure =>
  ({ params }) =>
    `${type}/${String(params[parameter])}`;

/** A GET route whose answers need no record, and why. */
export const DisclosesNothing = (_why: 'public' | 'recorded by itself'): MethodDecorator => SetMetadata(DISCLOSURE, OF_NOBODY);

const disclosureOf = (context: ExecutionContext, { method }: IncomingMessage): Disclosure => {
  const told = Reflect.getMetadata(DISCLOSURE, context.getHandler()) as Disclosure | undefined;
  return told ?? (method === 'GET' || method === 'HEAD' ? OF_NO_SINGLE_ONE : OF_NOBODY);
};

/** A handler that writes by itself has to wait for `beforeDisclosing`. */
const TOO_LATE = new AppError('INTERNAL', 'internal', 'the answer began before it was on record');

const records = new WeakMap<IncomingMessage, () => Promise<void>>();

/** For a handler that writes its answer itself: resolves once it may begin. */
export const beforeDisclosing = async (request: IncomingMessage): Promise<void> => records.get(request)?.();

/** Between the handler and its answer: what fails or is refused has shown nothing. */
export class DisclosureInterceptor implements NestInterceptor {
  constructor(private readonly record: RecordRead) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const request = context.switchToHttp().getRequest<Routed & Asked>();
    const resource = disclosureOf(context, request)(request);
    if (resource === false) return next.handle();
    let recorded: Promise<void> | undefined;
    const record = (): Promise<void> => (recorded ??= this.record(readOf(request, resource)));
    records.set(request, record);
    return next.handle().pipe(
      mergeMap(async (answer: unknown) => {
        if (!recorded && context.switchToHttp().getResponse<ServerResponse>().headersSent) throw TOO_LATE;
        await record();
        return answer;
      }),
    );
  }
}

const readOf = (request: Routed, resource: string | null): HttpRead => {
  const operation = routeName(request);
  if (operation === null) throw new AppError('INTERNAL', 'internal', 'a route without a path');
  return { ...callerOf(request), kind: 'operator', via: 'http', operation, resource };
};
