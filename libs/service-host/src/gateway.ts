/** The one HTTP server of a process: routes by prefix to the services and answers for all of them on health, metrics and OpenAPI. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { AppError } from '@mandate/kernel';
import { MethodNotAllowedException } from '@nestjs/common';
import { foreignPage } from './browser-guard.js';
import { mergeHealth } from './health.js';
import { Histogram, mergeMetrics, METRICS_CONTENT_TYPE, processMetrics } from './metrics.js';
import { mergeOpenApi } from './openapi.js';
import { problemOf } from './http-problems.js';
import { answerProblem } from './refusals.js';
import type { RunningService } from './service.js';
import { answerUnreadable } from './unreadable.js';

export interface GatewayAddress {
  host: string;
  /** 0 takes a free port. */
  port: number;
}

export interface Gateway {
  /** Such as `http://127.0.0.1:7400`. */
  readonly url: string;
  /** Ends event streams, lets requests in hand finish for a moment, then cuts what is left. */
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 15_000;
const CLOSE_GRACE_MS = 3_000;
const MAX_HEADER_BYTES = 16 * 1024;

type Answer = (response: ServerResponse) => Promise<void>;

export const listenGateway = async (services: readonly RunningService[], { host, port }: GatewayAddress): Promise<Gateway> => {
  const metrics = processMetrics();
  const durations = new Histogram({
    name: 'mandate_http_request_duration_seconds',
    help: 'From a request to the end of its answer; event streams last as long as their reader stays',
    labelNames: ['prefix', 'method', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [metrics],
  });
  const shared: Record<string, Answer> = {
    '/': async (response) => sendJson(response, 200, index(services)),
    '/health/live': async (response) => sendJson(response, 200, { status: 'up', checks: [] }),
    '/health/ready': async (response) => {
      const report = mergeHealth(await Promise.all(services.map(async (s) => ({ service: s.name, report: await s.health.report() }))));
      sendJson(response, report.status === 'up' ? 200 : 503, report);
    },
    '/metrics': async (response) => {
      const texts = await Promise.all([metrics, ...services.map((s) => s.metrics)].map((registry) => registry.metrics()));
      response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE }).end(mergeMetrics(texts));
    },
    '/openapi.json': async (response) => sendJson(response, 200, mergeOpenApi(await Promise.all(services.map((s) => s.openapi())))),
  };

  const recordRefusal = services.find((service) => service.recordRefusal)?.recordRefusal;
  const open = new Set<ServerResponse>();
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    const path = pathOf(request);
    const route = services
      .flatMap((s) => s.prefixes.map((prefix) => ({ prefix, handler: s.handler })))
      .find(({ prefix }) => isBelow(path, prefix));
    const stop = durations.startTimer({ prefix: route?.prefix ?? 'other', method: request.method ?? '' });
    open.add(response);
    response.once('close', () => {
      open.delete(response);
      stop({ status: response.statusCode });
    });
    const foreign = foreignPage(request, host);
    const refuse = (error: unknown): void => void answerProblem(request, response, problemOf(error), recordRefusal);
    if (foreign) return refuse(foreign);
    if (route) return route.handler(request, response);
    answerShared(shared[path], request, response).catch(refuse);
  });
  answerUnreadable(server, recordRefusal);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`, close: () => closeServer(server, open) };
};

const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0] as string;

const isBelow = (path: string, prefix: string): boolean => path === prefix || path.startsWith(`${prefix}/`);

const answerShared = async (answer: Answer | undefined, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (!answer) throw new AppError('ROUTE_NOT_FOUND', 'not-found', 'there is nothing here; GET / names what there is');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    throw new MethodNotAllowedException();
  }
  await answer(response);
};

const sendJson = (response: ServerResponse, status: number, document: unknown): void => {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    .end(JSON.stringify(document));
};

const index = (services: readonly RunningService[]): unknown => ({
  name: 'mandate',
  services: services.map(({ name, prefixes }) => ({ name, prefixes })),
  health: ['/health/live', '/health/ready'],
  metrics: '/metrics',
  openapi: '/openapi.json',
});

const listen = async (server: Server, host: string, port: number): Promise<void> => {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE')
      throw new AppError(
        'PORT_IN_USE',
        'unavailable',
        `port ${port} on ${host} is taken by another program; set MANDATE_PORT to a free one`,
        { host, port },
      );
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
      throw new AppError('CANNOT_LISTEN', 'unavailable', `cannot listen on ${host}:${port} (${code}); set MANDATE_HOST and MANDATE_PORT`, {
        host,
        port,
      });
    throw error;
  }
};

const closeServer = async (server: Server, open: ReadonlySet<ServerResponse>): Promise<void> => {
  const closed = once(server, 'close');
  server.close();
  for (const response of open) if (String(response.getHeader('content-type')).startsWith('text/event-stream')) response.end();
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(cut);
};
