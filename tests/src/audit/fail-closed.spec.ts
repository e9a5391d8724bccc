/** The audit store is away: nothing that would have to be on record is done, and callers are told so in time. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { audit } from '@mandate/audit';
import { delegationEngine } from '@mandate/delegation-engine';
import { createLogger, serve, type Served } from '@mandate/service-host';
import { startPostgresServer, testNats, until, type RestartableServer, type TestNats } from '@mandate/testing';
import { newId } from '../e2e/plain-requester.js';

/** HTTP waits for an answer to a stored request for 15 s; everything else is refused sooner. */
const BOUND_MS = 20_000;

let postgres: RestartableServer;
let nats: TestNats;
let served: Served;
const folder = mkdtempSync(join(tmpdir(), 'mandate-closed-'));

beforeAll(async () => {
  [postgres, nats] = await Promise.all([startPostgresServer(), testNats()]);
  const logger = createLogger({ service: 'tests', instance: 'closed', level: 'silent' });
  const masterKey = randomBytes(32).toString('hex');
  served = await serve(
    [delegationEngine, audit],
    { databaseUrl: postgres.url, natsUrl: nats.url, masterKey, instance: 'closed', logger, stateFolder: folder },
    { host: '127.0.0.1', port: 0 },
  );
}, 60_000);
afterAll(async () => {
  await served.close();
  await Promise.all([postgres.stop(), nats.stop()]);
  rmSync(folder, { recursive: true });
});

const asked = async (method: string, path: string, body?: object): Promise<[status: number, code: unknown]> => {
  const response = await fetch(served.url + path, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
  return [response.status, ((await response.json()) as { code?: unknown }).code];
};

it('answers 503 to whatever would change something, be refused or be shown, and goes on when it is back', async () => {
  await postgres.kill();
  const begun = performance.now();
  const answers = await Promise.all([
    asked('POST', '/api/delegations', { goal: 'anything' }),
    asked('POST', `/api/delegations/${newId()}/cancel`),
    asked('POST', '/api/scheduling', { type: 'set-weight', weight: 2 }),
    asked('POST', '/api/audit/forks', { delegationId: newId(), threshold: 0.5 }),
    asked('GET', '/api/audit/export'),
    asked('GET', '/nowhere'),
    asked('POST', '/api/scheduling', { type: 'nonsense' }),
    asked('GET', '/api/agents/reputation'),
  ]);
  expect(answers.map(([status]) => status)).toEqual([503, 503, 503, 503, 503, 503, 503, 503]);
  expect(answers.slice(-3).map(([, code]) => code)).toEqual(['NOT_RECORDED', 'NOT_RECORDED', 'NOT_RECORDED']);
  expect(performance.now() - begun).toBeLessThan(BOUND_MS);
  expect((await asked('GET', '/health/live'))[0]).toBe(200);
  await postgres.restart();
  await until(async () => (await asked('POST', '/api/scheduling', { type: 'nonsense' }))[0] === 400, {
    what: 'refusals again',
    timeoutMs: 20_000,
  });
}, 90_000);
