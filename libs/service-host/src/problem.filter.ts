import type { IncomingMessage, ServerResponse } from 'node:http';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';
import { problemOf } from './http-problems.js';
import type { Logger } from './logger.js';
import { answerProblem, type RecordRefusal } from './refusals.js';

/** HTTP: answers with a problem document. Messages: passes the error on, the transport answers with the same document. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly record?: RecordRefusal,
  ) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | Promise<void> {
    const problem = problemOf(error);
    if (problem.status >= 500) this.logger.error({ err: error, code: problem.code }, 'request failed');
    if (host.getType() !== 'http') return throwError(() => error);
    const http = host.switchToHttp();
    return answerProblem(http.getRequest<IncomingMessage>(), http.getResponse<ServerResponse>(), problem, this.record);
  }
}
