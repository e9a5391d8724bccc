/** Who is refused is on record before he is told, over HTTP and over NATS, and also when the services are killed the next moment. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startWorld, until, type World } from '@mandate/testing';
import pg from 'pg';
import { startEngineProcess, writeMasterKey } from '../e2e/engine-process.js';
import { newId } from '../e2e/plain-requester.js';
import { startScene, type Scene } from '../e2e/start-scene.js';

interface Recorded {
  actor: { kind: string; id: string };
  outcome: string;
  reason: string;
  data: { via: string; operation: string; code: string; status: number; count: number };
}

const REFUSED =
  "SELECT convert_from(canonical, 'UTF8')::jsonb AS record FROM es.event WHERE type = 'dev.mandate.audit.refused.v1' ORDER BY position";

describe('a refusal', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(() => scene.stop());

  const recorded = async (): Promise<Recorded[]> => (await scene.query(REFUSED)).rows.map(({ record }) => record as Recorded);
  const last = async (code: string): Promise<Recorded | undefined> => (await recorded()).findLast(({ reason }) => reason === code);

  it.each([
    ['GET', `/api/delegations/${newId()}`, 404, 'NOT_FOUND', 'GET /api/delegations/:id', {}],
    ['GET', '/api/delegations/nonsense', 400, 'INVALID_ID', 'GET /api/delegations/:id', {}],
    ['POST', `/api/delegations/${newId()}/cancel`, 404, 'NOT_FOUND', 'POST /api/delegations/:id/cancel', {}],
    ['POST', '/api/scheduling', 400, 'INVALID_JSON', 'POST /api/scheduling', {}],
    ['GET', '/api/delegations/a/secret/path', 404, 'ROUTE_NOT_FOUND', 'GET other', {}],
    ['GET', '/nowhere', 404, 'ROUTE_NOT_FOUND', 'GET other', {}],
    ['DELETE', '/metrics', 405, 'METHOD_NOT_ALLOWED', 'DELETE other', {}],
    ['GET', '/api/agents', 403, 'FOREIGN_ORIGIN', 'GET other', { origin: 'http://evil.example' }],
    ['GET', '/api/agents', 400, 'INVALID_PRINCIPAL', 'GET /api/agents', { 'mandate-principal': 'no such name' }],
  ])('of %s %s (%i %s) is there when it is answered', async (method, path, status, code, operation, headers) => {
    const principal = `caller-${randomBytes(3).toString('hex')}`;
    const response = await fetch(scene.engine.url + path, { method, headers: { 'mandate-principal': principal, ...headers } });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
    expect(await last(code)).toMatchObject({
      actor: { kind: 'operator', id: code === 'INVALID_PRINCIPAL' ? 'unknown' : principal },
      outcome: status === 403 ? 'denied' : 'failure',
      data: { via: 'http', operation, status },
    });
  });

  it('of a command over NATS is there when it is answered', async () => {
    const asked = await scene.requester.command(newId(), { type: 'cancel' }, 'eve');
    expect((await asked.answer()).body).toMatchObject({ code: 'NOT_FOUND' });
    expect((await recorded()).some(({ actor, data }) => actor.id === 'eve' && data.via === 'nats' && data.operation === 'command')).toBe(
      true,
    );
  });

  it('of a registration and of a heartbeat, too', async () => {
    const { connection } = scene.requester;
    const answer = await connection.request('mandate.v1.default.register', '{"name":7}', { timeout: 5_000 });
    expect(answer.json()).toMatchObject({ status: 400 });
    expect((await recorded()).some(({ data }) => data.operation === 'REGISTER' || data.operation === 'register')).toBe(true);
    connection.publish('mandate.v1.default.heartbeat.nobody', '[');
    await until(async () => (await recorded()).some(({ data }) => data.operation === 'heartbeat'), { what: 'the heartbeat on record' });
  });

  it('of a request is its own event, and counted once', async () => {
    const { size } = (await scene.query('SELECT size FROM es.log')).rows[0] as { size: string };
    const asked = await scene.requester.ask({ nonsense: true });
    expect((await asked.answer()).body).toMatchObject({ code: 'UNKNOWN_FIELD' });
    const { rows } = await scene.query('SELECT type FROM es.event WHERE position > $1', [size]);
    expect(rows.map(({ type }) => type)).toEqual(['dev.mandate.delegation.rejected.v1']);
  });
});

describe('whoever was refused by a process that was killed', () => {
  let world: World;
  const folder = mkdtempSync(join(tmpdir(), 'mandate-refused-'));
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(async () => {
    await world.stop();
    rmSync(folder, { recursive: true });
  });

  it.each([20, 60, 150])(
    'stands in the log when %i were answered',
    async (answers) => {
      const masterKeyFile = writeMasterKey(join(folder, 'master.key'), 'ab'.repeat(32));
      const engine = await startEngineProcess({ world, instance: `victim-${answers}`, masterKeyFile });
      const told = new Map<string, number>();
      let answered = 0;
      const caller = async (principal: string): Promise<void> => {
        for (;;) {
          const response = await fetch(`${engine.api.url}/api/delegations/${newId()}`, { headers: { 'mandate-principal': principal } });
          if (response.status !== 404) continue;
          told.set(principal, (told.get(principal) ?? 0) + 1);
          if (++answered === answers) await engine.kill();
        }
      };
      await Promise.allSettled(Array.from({ length: 12 }, (_, i) => caller(`caller-${answers}-${i}`)));
      const client = new pg.Client({ connectionString: world.database.url });
      await client.connect();
      const { rows } = await client.query<{ record: Recorded }>(REFUSED);
      await client.end();
      const counted = (principal: string): number =>
        rows.reduce((sum, { record }) => sum + (record.actor.id === principal ? record.data.count : 0), 0);
      expect(answered).toBeGreaterThanOrEqual(answers);
      expect([...told].filter(([principal, count]) => counted(principal) < count)).toEqual([]);
    },
    60_000,
  );
});
