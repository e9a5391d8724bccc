import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@mandate/kernel';
import { Controller, Get, Module, Post, Req, Res } from '@nestjs/common';
import { beforeDisclosing, Discloses, DisclosesNothing, inPath, type HttpRead } from './disclosures.js';
import { listenGateway, type Gateway } from './gateway.js';
import { createLogger } from './logger.js';
import { createServiceApp } from './service-app.js';
import type { RunningService } from './service.js';

@Controller('api/things')
class ThingsController {
  @Get()
  list(): string[] {
    return ['secret'];
  }

  @Get('public')
  @DisclosesNothing('public')
  known(): string[] {
    return [];
  }

  @Get('written')
  async written(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    await beforeDisclosing(request);
    response.end('secret');
  }

  @Get('careless')
  careless(@Res() response: ServerResponse): void {
    response.end('secret');
  }

  @Get('broken')
  broken(): never {
    throw new AppError('BROKEN', 'internal', 'no');
  }

  @Get(':id')
  @Discloses(inPath('thing'))
  one(): string {
    return 'secret';
  }

  @Post()
  make(): string {
    return 'made';
  }

  @Post('search')
  @Discloses()
  search(): string {
    return 'secret';
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

describe('what a route shows', () => {
  let service: RunningService;
  let gateway: Gateway;
  let reads: HttpRead[] = [];
  let isAway = false;
  beforeAll(async () => {
    service = await createServiceApp({
      name: 'things',
      prefixes: ['/api/things'],
      module: ThingsModule,
      logger: createLogger({ service: 'things', instance: 'i', level: 'silent' }),
      recordRead: async (read) => {
        if (isAway) throw new AppError('NOT_RECORDED', 'unavailable', 'away');
        reads.push(read);
      },
    });
    gateway = await listenGateway([service], { host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await gateway.close();
    await service.close();
  });
  beforeEach(() => {
    reads = [];
    isAway = false;
  });

  const ask = async (route: string): Promise<{ status: number; text: string }> => {
    const [method = '', path = ''] = route.split(' ');
    const response = await fetch(`${gateway.url}/api/things${path}`, { method, headers: { 'mandate-principal': 'ann' } });
    return { status: response.status, text: await response.text() };
  };

  it.each([
    ['GET ', 'GET /api/things', null],
    ['GET /t1?q=private', 'GET /api/things/:id', 'thing/t1'],
    ['GET /written', 'GET /api/things/written', null],
    ['HEAD /t1', 'HEAD /api/things/:id', 'thing/t1'],
    ['POST /search', 'POST /api/things/search', null],
  ])('by %j is recorded as %s', async (route, operation, resource) => {
    expect((await ask(route)).status).toBeLessThan(300);
    expect(reads).toEqual([
      expect.objectContaining({ tenant: 'default', principal: 'ann', kind: 'operator', via: 'http', operation, resource }),
    ]);
  });

  it.each(['GET /public', 'GET /broken', 'POST ', 'PUT ', 'GET /a/b'])('by %j is nothing', async (route) => {
    await ask(route);
    expect(reads).toEqual([]);
  });

  it.each(['GET ', 'GET /t1', 'GET /written', 'POST /search'])('by %j is not shown when it cannot be recorded', async (route) => {
    isAway = true;
    const { status, text } = await ask(route);
    expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([503, 'NOT_RECORDED']);
    expect(text).not.toContain('secret');
  });

  it('is no record when the handler did not wait for it: the test of the route finds none', async () => {
    await ask('GET /careless').catch(() => undefined);
    expect(reads).toEqual([]);
  });
});
