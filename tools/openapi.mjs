// Writes docs/openapi.json and docs/asyncapi.json from the built classes: `node tools/openapi.mjs [--check]`.
// With --check nothing is written, and the exit status is 1 when a document is out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { asyncapi } from './asyncapi.mjs';
import { createLogger, createServiceApp, mergeOpenApi } from '../libs/service-host/dist/index.js';
import * as audit from '../apps/audit/dist/http/index.js';
import * as engine from '../apps/delegation-engine/dist/http/index.js';

const root = new URL('..', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

// Routes describe themselves; nobody calls them here.
class EdgeModule {}
const describe = async (name, { HTTP_CONTROLLERS: controllers, HTTP_PREFIXES: prefixes, HTTP_PROVIDERS }) => {
  const service = await createServiceApp({
    name,
    prefixes,
    module: { module: EdgeModule, controllers, providers: HTTP_PROVIDERS.map((provide) => ({ provide, useValue: {} })) },
    logger: createLogger({ service: 'docs', instance: 'docs', level: 'warn' }),
  });
  const document = await service.openapi();
  await service.close();
  return document;
};
const documents = {
  'docs/openapi.json': mergeOpenApi([await describe('delegation-engine', engine), await describe('audit', audit)]),
  'docs/asyncapi.json': await asyncapi(version),
};

const read = (file) => {
  try {
    return readFileSync(new URL(file, root), 'utf8');
  } catch {
    return '';
  }
};

const style = await resolveConfig(new URL('package.json', root));
mkdirSync(new URL('docs', root), { recursive: true });
for (const [file, document] of Object.entries(documents)) {
  const text = await format(JSON.stringify(document), { ...style, parser: 'json' });
  if (text === read(file)) continue;
  if (process.argv.includes('--check')) {
    console.error(`${file} is out of date: run node tools/openapi.mjs`);
    process.exitCode = 1;
  } else writeFileSync(new URL(file, root), text);
}
