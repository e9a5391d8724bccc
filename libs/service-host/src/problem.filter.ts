import type { IncomingMessage, ServerResponse } from 'node:http';
import { Catch, MethodNotAllowedException, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
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
    /** The methods that a path takes, as the header `Allow` names them. */
    private readonly allowed: (path: string) => string = () => '',
  ) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | Promise<void> {
    const isHttp = host.getType() === 'http';
    const problem = problemOf(isHttp ? this.told(error, host) : error);
    if (problem.status >= 500) this.logger.error({ err: error, code: problem.code }, 'request failed');
    if (!isHttp) return throwError(() => error);
    const http = host.switchToHttp();
    return answerProblem(http.getRequest<IncomingMessage>(), http.getResponse<ServerResponse>(), problem, this.record);
  }

  /** The router tells a path that it does not have and a method that the path does not take alike. */
  private told(error: unknown, host: ArgumentsHost): unknown {
    if (!(error instanceof NotFoundException)) return error;
    const http = host.switchToHttp();
    const allowed = this.allowed((http.getRequest<IncomingMessage>().url ?? '/').split('?', 1)[0] as string);
    if (allowed === '') return error;
    http.getResponse<ServerResponse>().setHeader('allow', allowed);
    return new MethodNotAllowedException();
  }
}
