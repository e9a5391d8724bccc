/** Requests that Node's HTTP parser gives up on: they never become a request that a route could refuse. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { PROBLEM_CONTENT_TYPE, toProblem, type Problem } from '@mandate/contracts';
import { BAD_REQUEST } from './http-problems.js';
import type { RecordRefusal } from './refusals.js';

const STATUS: Readonly<Record<string, [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

/** Answers them with a problem document, too, once the refusal is on record. */
export const answerUnreadable = (server: Server, record: RecordRefusal | undefined): void => {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
    const [status, reason] = STATUS[error.code ?? ''] ?? [400, 'Bad Request'];
    const refused = { ...toProblem(BAD_REQUEST), status };
    const refusal = { tenant: 'default', principal: 'unknown', kind: 'operator', via: 'http', operation: 'unreadable other' } as const;
    const recorded = record?.({ ...refusal, code: refused.code, status }) ?? Promise.resolve();
    recorded.then(
      () => end(socket, refused, reason),
      (failure: unknown) => end(socket, toProblem(failure), 'Service Unavailable'),
    );
  });
};

const end = (socket: Socket, problem: Problem, reason: string): void => {
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${reason}\r\nConnection: close\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};
