import type { NestExpressApplication } from '@nestjs/platform-express';

/** What is read of Express' router; its own types do not say it. */
interface Layer {
  route?: { methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** The methods that an application's routes take on a path, such as `GET, HEAD`; empty where there is no such path. */
export const allowedMethods = (app: NestExpressApplication, path: string): string => {
  const { router } = app.getHttpAdapter().getInstance() as { router: { stack: readonly Layer[] } };
  const taken = new Set(
    router.stack
      .filter((layer) => layer.route && layer.match(path))
      .flatMap((layer) => Object.keys(layer.route?.methods ?? {}).map((method) => method.toUpperCase())),
  );
  if (taken.has('GET')) taken.add('HEAD');
  return [...taken].sort().join(', ');
};
