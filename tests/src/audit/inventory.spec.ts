/** Every route, message handler, schedule and command is in the inventory, and nothing else is; what it names exists. */
import { randomBytes } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { audit } from '@mandate/audit';
import { build } from '@mandate/cli';
import { delegationEngine } from '@mandate/delegation-engine';
import { createLogger, startAll, type RunningServices } from '@mandate/service-host';
import { startWorld, type World } from '@mandate/testing';
import { COMMANDS, MESSAGES, ROUTES, SCHEDULES } from './inventory.js';

const root = new URL('../../../', import.meta.url);
/** What runs in our services; the SDK runs in those of others. */
const sources = globSync(['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'], { cwd: root.pathname })
  .filter((file) => !/\.spec\.ts$|^libs\/(sdk|testing|embedded)\/|^apps\/cli\/|\/testing\//.test(file))
  .map((file) => ({ file, text: readFileSync(new URL(file, root), 'utf8') }));

const callsOf = (call: string): string[] =>
  sources.filter(({ text }) => new RegExp(`(^|[\\s.(])${call}[<(]`, 'm').test(text)).map(({ file }) => `${file}: ${call}`);
const named = (pattern: RegExp, prefix = ''): string[] =>
  sources.flatMap(({ text }) => [...text.matchAll(pattern)].map(([, name]) => `${prefix}${name}`));

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

describe('the inventory of what leaves a record', () => {
  let world: World;
  let running: RunningServices;
  const folder = mkdtempSync(join(tmpdir(), 'mandate-inventory-'));
  beforeAll(async () => {
    world = await startWorld();
    const logger = createLogger({ service: 'tests', instance: 'inventory', level: 'silent' });
    const options = {
      databaseUrl: world.database.url,
      natsUrl: world.nats.url,
      masterKey: randomBytes(32).toString('hex'),
      instance: 'inventory',
      logger,
      stateFolder: folder,
    };
    for (const service of [delegationEngine, audit]) await service.migrate?.(options);
    running = await startAll([delegationEngine, audit], options);
  });
  afterAll(async () => {
    await running.close();
    await world.stop();
    rmSync(folder, { recursive: true });
  });

  it('names every route of every service', () => {
    const routes = running.services.flatMap(({ handler }) =>
      (handler as unknown as { router: { stack: Layer[] } }).router.stack.flatMap(({ route }) =>
        route ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`) : [],
      ),
    );
    expect(routes.sort()).toEqual(Object.keys(ROUTES).sort());
  });

  it('names every handler of messages', () => {
    const handlers = [
      ...named(/@(?:Message|Event)Pattern\((\w+)/g, 'pattern '),
      // Of this project's own class it is a method; of the client's it is a call on something.
      ...callsOf('subscribe').filter((call) => !call.startsWith('libs/event-store/')),
      ...callsOf('consume').filter((call) => !call.includes('takeover.ts')),
    ];
    expect(handlers.sort()).toEqual(Object.keys(MESSAGES).sort());
  });

  it('names whatever runs by itself', () => {
    const schedules = [
      ...named(/\{ name: '([\w-]+)', everyMs/g),
      ...named(/run(?:Projection|Reactor)\(\{ name: ('[\w-]+'|[A-Z_]+)/g).map((name) =>
        name.startsWith("'") ? name.slice(1, -1) : name.toLowerCase().replaceAll('_', '-'),
      ),
      ...named(/: Reaction => \(\{\s*name: '([\w-]+)'/g),
      ...callsOf('setInterval'),
    ];
    expect([...new Set(schedules)].sort()).toEqual(Object.keys(SCHEDULES).sort());
  });

  it('names every command', async () => {
    const streams = { stdout: { write: () => true }, stderr: { write: () => true } };
    const program = await build([], streams, {} as Parameters<typeof build>[2]);
    const commands = program.commands.flatMap((command) =>
      command.commands.length === 0 ? [command.name()] : command.commands.map((below) => `${command.name()} ${below.name()}`),
    );
    expect(commands.sort()).toEqual(Object.keys(COMMANDS).sort());
  });

  it('names only events and routes that there are', () => {
    const events = new Set(
      globSync('docs/schemas/events/*.json', { cwd: root.pathname }).map((file) =>
        file.slice('docs/schemas/events/dev.mandate.'.length, -'.v1.json'.length),
      ),
    );
    const told = [ROUTES, MESSAGES, SCHEDULES].flatMap((table) =>
      Object.values(table).flatMap((record) => (typeof record === 'string' ? [] : record)),
    );
    expect(told.filter((name) => !events.has(name))).toEqual([]);
    expect(Object.values(COMMANDS).filter((where) => where.startsWith('/') && !(where in ROUTES))).toEqual([]);
    const routed = Object.values(COMMANDS).filter((where) => !where.startsWith('on this machine'));
    expect(routed.filter((where) => !(where in ROUTES))).toEqual([]);
  });
});
