/** The past from outside: a list made anew while it is used, and the commands that replay. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { audit } from '@mandate/audit';
import { run } from '@mandate/cli';
import { delegationEngine } from '@mandate/delegation-engine';
import { createLogger, serve, type Served } from '@mandate/service-host';
import { startWorld, until, type World } from '@mandate/testing';
import pg from 'pg';
import { PlainApi } from '../e2e/plain-api.js';
import { PlainRequester } from '../e2e/plain-requester.js';
import { PlainWorker } from '../e2e/plain-worker.js';

let world: World;
let served: Served;
let requester: PlainRequester;
let worker: PlainWorker;
let api: PlainApi;
let database: pg.Client;
let id: string;
const folder = mkdtempSync(join(tmpdir(), 'mandate-replay-'));

beforeAll(async () => {
  world = await startWorld();
  const logger = createLogger({ service: 'tests', instance: 'replay', level: 'silent' });
  const masterKey = randomBytes(32).toString('hex');
  served = await serve(
    [delegationEngine, audit],
    { databaseUrl: world.database.url, natsUrl: world.nats.url, masterKey, instance: 'replay', logger, stateFolder: folder },
    { host: '127.0.0.1', port: 0 },
  );
  api = new PlainApi(served.url);
  requester = await PlainRequester.connect(world.nats.url);
  worker = await PlainWorker.start(requester.connection, { capabilities: ['shout'] });
  database = new pg.Client({ connectionString: world.database.url });
  await database.connect();
  const steps = [
    { id: 'a', capability: 'shout' },
    { id: 'b', capability: 'shout', dependsOn: ['a'] },
  ];
  id = (await requester.ask({ goal: 'tell it', steps }, { principal: 'ann' })).id;
  await api.inState(id, 'COMPLETED');
});
afterAll(async () => {
  worker.stop();
  await requester.close();
  await served.close();
  await database.end();
  await world.stop();
  rmSync(folder, { recursive: true });
});

const mandate = async (...args: string[]): Promise<{ status: number; out: string; err: string }> => {
  const ran = { out: '', err: '' };
  const streams = {
    stdout: { write: (text: string | Uint8Array) => (ran.out += String(text)) },
    stderr: { write: (text: string) => (ran.err += text) },
  };
  return { status: await run({ args: ['audit', ...args], streams, env: { MANDATE_API_URL: served.url }, cwd: folder }), ...ran };
};

describe('the list of delegations', () => {
  const rows = async (): Promise<unknown[]> => (await database.query('SELECT * FROM rm.delegation ORDER BY id')).rows;

  it('is made anew beside itself, and followed on', async () => {
    const before = await until(async () => ((await rows()) as { ended_at: unknown }[]).every((row) => row.ended_at !== null) && rows(), {
      what: 'the list',
    });
    await database.query("UPDATE rm.delegation SET state = 'TASK_STATE_FAILED', principal = 'nobody'");
    expect(await mandate('rebuild', 'delegations')).toMatchObject({ status: 0, out: expect.stringContaining('delegation-list made anew') });
    expect(await rows()).toEqual(before);
    const later = await requester.ask({ goal: 'and on', steps: [{ id: 'a', capability: 'shout' }] });
    await api.inState(later.id, 'COMPLETED');
    const { body } = await api.get<{ items: { data: object }[] }>('/api/audit/events?action=dev.mandate.audit.rebuilt.v1');
    expect(body.items[0]?.data).toMatchObject({ projection: 'delegation-list' });
  });

  it('answers all the while, also when it is made anew again and again', async () => {
    const asked: Promise<number>[] = [];
    for (let i = 0; i < 5; i++) {
      const made = mandate('rebuild', 'delegations');
      for (let n = 0; n < 10; n++) asked.push(api.get('/api/delegations').then(({ status }) => status));
      expect((await made).status).toBe(0);
    }
    expect(new Set(await Promise.all(asked))).toEqual(new Set([200]));
  });
});

describe('mandate audit', () => {
  it('story tells what happened, and who did it', async () => {
    const { out, status } = await mandate('story', id);
    expect(status).toBe(0);
    expect(out).toContain('“tell it”');
    expect(out).toMatch(/asked by ann on \d{4}-\d\d-\d\d, completed after/);
    expect(out).toMatch(/planned 2 steps: a, b \(after a\)/);
    expect(out).toMatch(/a offered to .+, attempt 1/);
    expect(out).toMatch(/positions \d+ to \d+ of the log/);
  });

  it('state shows it as it was', async () => {
    const { body } = await api.get<{ items: { position: number }[] }>(`/api/delegations/${id}/events`);
    const { out } = await mandate('state', id, '--at', String(body.items[2]?.position));
    expect(out).toContain('"state": "TASK_STATE_SUBMITTED"');
    expect((await mandate('state')).out).toMatch(/delegations completed: \d/);
  });

  it('fork says what another plan would have come to', async () => {
    writeFileSync(join(folder, 'plan.json'), JSON.stringify({ steps: [{ id: 'a', capability: 'shout' }] }));
    const { out } = await mandate('fork', id, '--change', `plan=${join(folder, 'plan.json')}`);
    expect(out).toContain('was completed, would be completed');
    expect(out).toContain('- stepsucceeded  b');
    expect(out).toContain('answered by what was recorded: a');
  });

  it.each([
    [['fork', '01JH00000000000000000000AA', '--change', 'mood=better'], 2, 'BAD_CHANGE'],
    [['fork', '01JH00000000000000000000AA', '--change', 'threshold=high'], 2, 'NOT_A_NUMBER'],
    [['fork', '01JH00000000000000000000AA', '--change', 'threshold=0.5'], 1, 'NOT_FOUND'],
    [['story', '01JH00000000000000000000AA'], 1, 'NOT_FOUND'],
    [['rebuild', 'everything'], 2, 'NO_SUCH_MODEL'],
  ])('%j is refused with status %i and %s', async (args, status, code) => {
    const ran = await mandate(...args);
    expect(ran.status).toBe(status);
    expect(ran.err).toContain(code);
  });
});
