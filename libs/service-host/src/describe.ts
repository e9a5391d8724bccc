/** What a route's documentation needs beyond its signature. Kept as plain metadata: the OpenAPI tooling (20 MB) is loaded when somebody asks for the document. */
import type { Type } from '@nestjs/common';

export interface RouteDescription {
  summary: string;
  description?: string;
  /** class-validator classes. */
  body?: Type;
  bodyOptional?: boolean;
  query?: Type;
  /** Schemas of JSON answers by status, in OpenAPI 3.1 form; `null` for none. */
  answers: Readonly<Record<number, { description: string; schema: object | null; contentTypes?: readonly string[] }>>;
}

const ROUTES = Symbol('route descriptions');

type Routes = Map<string, RouteDescription>;

export const Describe =
  (description: RouteDescription): MethodDecorator =>
  (target, method) => {
    const routes: Routes = (Reflect.getOwnMetadata(ROUTES, target) as Routes | undefined) ?? new Map<string, RouteDescription>();
    routes.set(String(method), description);
    Reflect.defineMetadata(ROUTES, routes, target);
  };

export const descriptionsOf = (controller: Type): ReadonlyMap<string, RouteDescription> =>
  (Reflect.getMetadata(ROUTES, controller.prototype as object) as Routes | undefined) ?? new Map();
