/** Retention against the proofs: what was dropped is missing from no tree, and what retention did not drop still is. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditScene } from './audit-scene.js';

const LINE = 601;
const DAY_MS = 86_400_000;

let scene: AuditScene;
let vkey: string;
let intact: string;
let dropped: string | undefined;
let copies = 0;

const post = async (path: string, body?: object): Promise<unknown> => {
  const response = await fetch(`${scene.url}/api/audit/retention${path}`, {
    method: 'POST',
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return response.json();
};

beforeAll(async () => {
  scene = await AuditScene.start();
  await scene.append('goes-on', [{}]);
  [dropped] = await scene.append('short', [{}]);
  await scene.appendMany('old', 700);
  // The first partition, as if it had been made for six hundred events.
  await scene.tamper(
    'BEGIN',
    'LOCK es.event',
    'CREATE TABLE es.event_601 (LIKE es.event INCLUDING ALL)',
    'ALTER TABLE es.event DETACH PARTITION es.event_1',
    `WITH moved AS (DELETE FROM es.event_1 WHERE position >= ${LINE} RETURNING *) INSERT INTO es.event_601 SELECT * FROM moved`,
    `ALTER TABLE es.event ATTACH PARTITION es.event_1 FOR VALUES FROM (1) TO (${LINE})`,
    `ALTER TABLE es.event ATTACH PARTITION es.event_601 FOR VALUES FROM (${LINE}) TO (10000001)`,
    `UPDATE es.event_partition SET to_position = ${LINE} WHERE from_position = 1`,
    `INSERT INTO es.event_partition (name, from_position, to_position) VALUES ('event_601', ${LINE}, 10000001)`,
    'COMMIT',
  );
  await scene.append('goes-on', [{}]);
  await post('', { days: 1 });
  scene.clock.advance(2 * DAY_MS);
  await scene.signed();
  expect(await post('/run')).toMatchObject({ retired: [{ from: 1, to: LINE, events: LINE - 1 }], stoppedBy: 'not-full' });
  await scene.appendMany('new', 40);
  await scene.signed();
  vkey = scene.vkey;
  intact = scene.databaseUrl;
});
afterAll(() => scene.stop());
afterEach(() => {
  scene.databaseUrl = intact;
});

const verify = async (): Promise<{ status: number; failures: unknown }> => {
  const { status, json } = await scene.mandate('verify', '--database', scene.databaseUrl, '--vkey', vkey, '--json');
  return { status, failures: json['failures'] };
};

describe('a log of which a part was retired', () => {
  it('is intact', async () => expect(await verify()).toEqual({ status: 0, failures: [] }));

  it('is exported as far as it is there, and the export is proved', async () => {
    expect(await scene.mandate('export', '--out', 'left.jsonl')).toMatchObject({ status: 0 });
    expect(await scene.mandate('verify', '--export', 'left.jsonl', '--vkey', vkey, '--json')).toMatchObject({
      status: 0,
      json: { intact: true, complete: false },
    });
  });

  it('proves no more what it does not have, and everything else', async () => {
    expect((await scene.mandate('prove', dropped as string)).status).toBe(1);
    const [id = ''] = await scene.append('goes-on', [{}]);
    await scene.signed();
    await scene.mandate('prove', id, '--out', 'later.tlog-proof');
    expect((await scene.mandate('verify', '--proof', 'later.tlog-proof', '--vkey', vkey)).status).toBe(0);
  });
});

describe('whoever drops more', () => {
  it.each([
    ['an event that retention kept', 'DELETE FROM es.event WHERE position = 1', `of positions 1 to ${LINE - 1} retention kept`],
    ['an event behind the line', `DELETE FROM es.event WHERE position = ${LINE + 5}`, `positions ${LINE + 5} to ${LINE + 5} are not there`],
  ])('%s, is caught', async (_what, statement, reason) => {
    await scene.close();
    scene.databaseUrl = await scene.copy(`drill${copies++}`);
    await scene.tamper(statement);
    expect(await verify()).toMatchObject({
      status: 1,
      failures: [{ check: 'presence', reason: expect.stringContaining(reason) as unknown }],
    });
    scene.databaseUrl = intact;
    await scene.open();
  });
});
