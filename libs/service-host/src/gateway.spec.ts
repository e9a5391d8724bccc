import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DelegationRequest } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { Body, Controller, Get, Module, Post, Query, Res } from '@nestjs/common';
import { IsInt, Max, Min } from 'class-validator';
import type { ServerResponse } from 'node:http';
import { FromCaller, type Caller } from './caller.js';
import { Describe } from './describe.js';
import { DocumentPipe, QueryPipe } from './document.pipe.js';
import { listenGateway, type Gateway } from './gateway.js';
import { createLogger } from './logger.js';
import { createServiceApp } from './service-app.js';
import type { RunningService } from './service.js';

class PageQuery {
  @IsInt() @Min(1) @Max(10) limit: number = 5;
}

@Controller('api/things')
class ThingsController {
  @Describe({ summary: 'Make', body: DelegationRequest, answers: { 201: { description: 'made', schema: {} } } })
  @Post()
  make(@FromCaller() caller: Caller, @Body(new DocumentPipe(DelegationRequest)) body: DelegationRequest): unknown {
    return { caller, goal: body.goal };
  }

  @Describe({ summary: 'List', query: PageQuery, answers: { 200: { description: 'page', schema: {} } } })
  @Get()
  list(@Query(new QueryPipe(PageQuery)) query: PageQuery): unknown {
    return { limit: query.limit };
  }

  @Get('stream')
  stream(@Res() response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
  }

  @Get('broken')
  broken(): never {
    throw new Error('the password is hunter2');
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

const lines: string[] = [];
const logger = createLogger({ service: 'things', instance: 'one', destination: { write: (line) => void lines.push(line) } });

let service: RunningService;
let gateway: Gateway;
beforeAll(async () => {
  service = await createServiceApp({ name: 'things', prefixes: ['/api/things'], module: ThingsModule, logger });
  gateway = await listenGateway([service], { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await gateway.close();
  await service.close();
});

const call = async (
  path: string,
  init?: RequestInit,
): Promise<{ status: number; type: string | null; headers: Headers; body: Record<string, unknown> }> => {
  const response = await fetch(gateway.url + path, init);
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    headers: response.headers,
    body: JSON.parse(text) as Record<string, unknown>,
  };
};
const post = (body: string, headers: Record<string, string> = {}): ReturnType<typeof call> =>
  call('/api/things', { method: 'POST', body, headers });

describe('the edge of a service', () => {
  it('parses bodies of any content type and continues the trace of the caller', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { status, headers, body } = await post('{"goal":"do it"}', {
      'content-type': 'text/plain',
      'Mandate-Principal': 'ann',
      traceparent,
    });
    expect([status, body]).toEqual([201, { goal: 'do it', caller: { tenant: 'default', principal: 'ann', traceparent } }]);
    expect(headers.get('traceparent')).toBe(traceparent);
  });

  it.each([
    ['{"goal":1}', 400, 'INVALID_FIELD'],
    ['{"goal":"x","nope":1}', 400, 'UNKNOWN_FIELD'],
    ['{', 400, 'INVALID_JSON'],
    ['', 400, 'INVALID_JSON'],
    [' '.repeat(1_048_577), 413, 'TOO_LARGE'],
  ])('refuses %.20s with a problem', async (sent, status, code) => {
    expect(await post(sent)).toMatchObject({ status, type: 'application/problem+json', body: { status, code } });
  });

  it('refuses a principal that could not be a subject token', async () => {
    expect(await post('{"goal":"x"}', { 'Mandate-Principal': 'a.b' })).toMatchObject({ status: 400, body: { code: 'INVALID_PRINCIPAL' } });
  });

  it('reads numbers of the query and keeps defaults', async () => {
    expect((await call('/api/things')).body).toEqual({ limit: 5 });
    expect((await call('/api/things?limit=7')).body).toEqual({ limit: 7 });
    expect(await call('/api/things?limit=x')).toMatchObject({ status: 400, body: { code: 'INVALID_FIELD', field: 'limit' } });
  });

  it.each(['/nowhere', '/api/things/nowhere', '/api/thingsX'])('answers %s with ROUTE_NOT_FOUND', async (path) => {
    expect(await call(path)).toMatchObject({ status: 404, type: 'application/problem+json', body: { code: 'ROUTE_NOT_FOUND' } });
  });

  it('answers a method that a path does not take with those that it takes', async () => {
    const { status, body, headers } = await call('/api/things/broken', { method: 'DELETE' });
    expect([status, body['code'], headers.get('allow')]).toEqual([405, 'METHOD_NOT_ALLOWED', 'GET, HEAD']);
  });

  it('refuses a NUL in the address, which no store takes', async () => {
    expect(await call('/api/things?q=%00')).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } });
  });

  it('lets nobody keep a problem, whatever the route says of its answers', async () => {
    expect((await call('/api/things/nowhere')).headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['no HTTP at all', 'BLAH\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s with a problem', async (_what, sent, status) => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname).end(sent);
    const answer = await text(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.split('\r\n\r\n')[1] as string)).toMatchObject({ status, code: 'BAD_REQUEST' });
  });

  it('keeps the text of an unexpected error inside and logs it with its trace', async () => {
    const { status, body, headers } = await call('/api/things/broken');
    expect([status, body['code']]).toEqual([500, 'INTERNAL']);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    const logged = JSON.parse(lines.at(-1) as string) as { traceId: string; err: { message: string } };
    expect(headers.get('traceparent')).toContain(logged.traceId);
    expect(logged.err.message).toContain('hunter2');
  });
});

describe('the gateway', () => {
  it('says which dependency is down', async () => {
    service.health.add('database', async () => 'PostgreSQL 18');
    service.health.add('bus', async () => {
      throw new Error('no connection');
    });
    const ready = await call('/health/ready');
    expect(ready).toMatchObject({
      status: 503,
      body: {
        status: 'down',
        checks: [
          { name: 'things/database', status: 'up', detail: 'PostgreSQL 18' },
          { name: 'things/bus', status: 'down', detail: 'no connection' },
        ],
      },
    });
    expect((await call('/health/live')).status).toBe(200);
  });

  it('shows metrics of the process and of each service', async () => {
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(metrics).toMatch(/^mandate_http_request_duration_seconds_count\{.*prefix="\/api\/things".*\} \d+/m);
  });

  it('describes routes with the rules of their classes', async () => {
    const { body } = await call('/openapi.json');
    expect(body).toMatchObject({
      openapi: '3.1.0',
      paths: {
        '/api/things': {
          post: {
            requestBody: {
              required: true,
              content: { 'application/json': { schema: { $ref: '#/components/schemas/DelegationRequest' } } },
            },
          },
          get: {
            parameters: [
              { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 10 } },
              { name: 'Mandate-Principal' },
            ],
          },
        },
      },
      components: {
        schemas: {
          DelegationRequest: { required: ['goal'], properties: { goal: { type: 'string', maxLength: 8000 } } },
          StepSpec: {},
          Problem: {},
        },
      },
    });
    expect(JSON.stringify(body)).not.toContain('unsupported');
  });

  it('takes GET only for what it answers itself', async () => {
    expect(await call('/health/live', { method: 'POST' })).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
  });

  it('names the setting when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(listenGateway([], { host: '127.0.0.1', port })).rejects.toThrow(/MANDATE_PORT/);
    await expect(listenGateway([], { host: '127.0.0.1', port })).rejects.toBeInstanceOf(AppError);
    other.close();
  });

  it('ends event streams and closes although connections are open', async () => {
    const second = await listenGateway([service], { host: '127.0.0.1', port: 0 });
    const silent = connect(Number(new URL(second.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const stream = await fetch(`${second.url}/api/things/stream`);
    const text = stream.text();
    await second.close();
    expect(await text).toBe(': hello\n\n');
    silent.destroy();
  });
});
