/** The Nest application of a service, with the edge that all services share. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { MESSAGE_LIMITS } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { allowedMethods } from './allowed-methods.js';
import { traceRequests } from './caller.js';
import { DisclosureInterceptor, type RecordRead } from './disclosures.js';
import { HealthRegistry } from './health.js';
import { NestLogger, type Logger } from './logger.js';
import { Registry, serviceMetrics } from './metrics.js';
import { describeService } from './openapi.js';
import { ProblemFilter } from './problem.filter.js';
import type { RecordRefusal } from './refusals.js';
import type { RequestHandler, RunningService } from './service.js';

export interface ServiceAppOptions {
  name: string;
  prefixes: readonly string[];
  module: Type | DynamicModule;
  logger: Logger;
  /** Transports whose messages go to the controllers' `@MessagePattern` methods. */
  transports?: readonly CustomTransportStrategy[];
  /** Without it refusals are answered and not recorded. */
  recordRefusal?: RecordRefusal;
  /** Without it what is shown is not recorded. */
  recordRead?: RecordRead;
  /** Runs when the controllers answer no more, before Nest's shutdown hooks. */
  beforeClose?: () => Promise<void>;
}

@Module({})
class ServiceHostModule {}

/**
 * Builds and initialises the application; it listens nowhere by itself (`listenGateway` does).
 * `HealthRegistry` and prom-client's `Registry` can be injected anywhere in it.
 */
export const createServiceApp = async (options: ServiceAppOptions): Promise<RunningService & { app: NestExpressApplication }> => {
  const { name, prefixes, module, logger, transports = [], recordRefusal, recordRead, beforeClose } = options;
  const health = new HealthRegistry();
  const metrics = serviceMetrics(name);
  const providers = [
    { provide: HealthRegistry, useValue: health },
    { provide: Registry, useValue: metrics },
  ];
  const root: DynamicModule = { module: ServiceHostModule, global: true, imports: [module], providers, exports: providers };
  const app = await NestFactory.create<NestExpressApplication>(root, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  configureEdge(app, logger, recordRefusal);
  if (recordRead) app.useGlobalInterceptors(new DisclosureInterceptor(recordRead));
  for (const strategy of transports) app.connectMicroservice({ strategy }, { inheritAppConfig: true });
  await app.init();
  await app.startAllMicroservices();
  return {
    app,
    name,
    prefixes,
    health,
    metrics,
    ...(recordRefusal ? { recordRefusal } : {}),
    handler: app.getHttpAdapter().getInstance() as RequestHandler,
    openapi: () => describeService(app),
    close: async () => {
      await beforeClose?.();
      await app.close();
    },
  };
};

/** No name, id or text of ours holds a NUL, and PostgreSQL takes none: it is refused before a route passes it on. */
const refuseNul = (request: IncomingMessage, _response: ServerResponse, next: () => void): void => {
  if (request.url?.includes('%00')) throw new AppError('BAD_REQUEST', 'invalid', 'the address holds a NUL character (%00)');
  next();
};

/** Trace, raw bodies within the limit of a message, problem documents. Also what a spec puts on its testing application. */
export const configureEdge = (app: NestExpressApplication, logger: Logger, recordRefusal?: RecordRefusal): void => {
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(traceRequests);
  app.use(refuseNul);
  app.useBodyParser('raw', { type: () => true, limit: MESSAGE_LIMITS.maxBytes });
  app.useGlobalFilters(new ProblemFilter(logger, recordRefusal, (path) => allowedMethods(app, path)));
};
