/** OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) from the routes and the class-validator classes themselves. */
import { PROBLEM_CONTENT_TYPE } from '@mandate/contracts';
import type { INestApplication, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { descriptionsOf, type RouteDescription } from './describe.js';
import { PROBLEM_SCHEMA, reachableSchemas, schemaReference, type Schemas } from './schemas.js';

type Operation = Record<string, unknown>;

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Schemas; securitySchemes: object };
  security: readonly object[];
}

const INFO = {
  title: 'Mandate',
  version: '1',
  description:
    'Errors are RFC 9457 problem documents with a stable `code`. Lists take `limit` and `cursor` and answer `{"items","nextCursor"}`. ' +
    'Ids are ULIDs, times RFC 3339 in UTC with milliseconds, durations ISO 8601.',
};

/** The key of `credentials.json`; also NATS' token. */
const SECURITY = { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } };

const METHODS = new Set(['get', 'post', 'put', 'patch', 'delete']);

/** The document of one service; the tooling is loaded on the first call. */
export const describeService = async (app: INestApplication): Promise<OpenApiDocument> => {
  const { SwaggerModule } = await import('@nestjs/swagger');
  const described = routeDescriptions(app);
  const found = SwaggerModule.createDocument(app, { openapi: '3.1.0', info: INFO }, { operationIdFactory: operationId });
  const paths: OpenApiDocument['paths'] = {};
  const routes = [...described.values()];
  const schemas = await reachableSchemas(routes.flatMap(({ body }) => body ?? []));
  const queries = await reachableSchemas(routes.flatMap(({ query }) => query ?? []));
  for (const [path, item] of Object.entries(found.paths))
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      const description = described.get(String(operation['operationId']));
      if (METHODS.has(method) && description) (paths[path] ??= {})[method] = describe(operation, description, queries);
    }
  return {
    openapi: '3.1.0',
    info: INFO,
    paths,
    components: { schemas: { ...schemas, Problem: PROBLEM_SCHEMA }, ...SECURITY },
    security: [{ key: [] }],
  };
};

const operationId = (controller: string, method: string): string => `${controller.replace(/Controller$/, '')}.${method}`;

const routeDescriptions = (app: INestApplication): Map<string, RouteDescription> => {
  const controllers = [...app.get(ModulesContainer).values()]
    .flatMap((module) => [...module.controllers.values()])
    .map(({ metatype }) => metatype as Type);
  return new Map(
    controllers.flatMap((controller) =>
      [...descriptionsOf(controller)].map(([method, route]) => [operationId(controller.name, method), route] as const),
    ),
  );
};

const PROBLEM_ANSWER = {
  description: 'Refused; `code` says why',
  content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
};

const PRINCIPAL_PARAMETER = {
  name: 'Mandate-Principal',
  in: 'header',
  required: false,
  description: "In whose name; the key's own principal when absent",
  schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
};

const describe = (operation: Operation, route: RouteDescription, queries: Schemas): Operation => {
  const { operationId: id, tags, parameters } = operation;
  const inPath = (parameters as { in: string }[]).filter((parameter) => parameter.in === 'path');
  const responses: Record<string, object> = {};
  for (const [status, { description, schema, contentTypes = ['application/json'] }] of Object.entries(route.answers))
    responses[status] = { description, ...(schema ? { content: Object.fromEntries(contentTypes.map((type) => [type, { schema }])) } : {}) };
  return {
    operationId: id,
    tags,
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    parameters: [...inPath, ...(route.query ? queryParameters(queries[route.query.name]) : []), PRINCIPAL_PARAMETER],
    ...(route.body
      ? { requestBody: { required: !route.bodyOptional, content: { 'application/json': { schema: schemaReference(route.body) } } } }
      : {}),
    responses: { ...responses, default: PROBLEM_ANSWER },
  };
};

const queryParameters = (schema: Schemas[string] | undefined): object[] =>
  Object.entries(schema?.properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = property as { description?: string };
    return { name, in: 'query', required: false, ...(description ? { description } : {}), schema: rest };
  });

const SHARED_PATHS: OpenApiDocument['paths'] = {
  '/health/live': { get: { operationId: 'health.live', summary: 'The process runs', responses: { 200: { description: 'It does' } } } },
  '/health/ready': {
    get: {
      operationId: 'health.ready',
      summary: 'Whether each dependency answers, one by one',
      responses: { 200: { description: 'All do' }, 503: { description: 'At least one does not; the body says which' } },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      summary: 'Prometheus text',
      responses: { 200: { description: 'Metrics', content: { 'text/plain': {} } } },
    },
  },
};

/** One document of all services of a gateway, with what the gateway answers itself. */
export const mergeOpenApi = (documents: readonly OpenApiDocument[]): OpenApiDocument => ({
  openapi: '3.1.0',
  info: INFO,
  paths: Object.assign({}, ...documents.map((document) => document.paths), SHARED_PATHS) as OpenApiDocument['paths'],
  components: { schemas: Object.assign({}, ...documents.map((document) => document.components.schemas)) as Schemas, ...SECURITY },
  security: [{ key: [] }],
});
