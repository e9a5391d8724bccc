/** Retention killed at each step: what is missing then is explained by what was recorded before, and the next start finishes it. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { startEngineProcess, writeMasterKey } from '../e2e/engine-process.js';
import { AuditScene, MASTER_KEY } from './audit-scene.js';
import type { DeathOrder } from './kill/points.js';

const DIE_AT = fileURLToPath(new URL('../../dist/audit/kill/die-at.js', import.meta.url));
const ROWS = 256;
const RETIRING = 'dev.mandate.retention.retiring.v1';
const RETIRED = 'dev.mandate.retention.retired.v1';
const DROP = 'es_retire_partition';

let scene: AuditScene;

beforeAll(async () => {
  scene = await AuditScene.start();
  await scene.append('goes-on', [{}]);
  await scene.appendMany('old', 3 * ROWS);
  await scene.append('goes-on', [{}]);
  await scene.tamper(
    'BEGIN',
    'LOCK es.event',
    'ALTER TABLE es.event DETACH PARTITION es.event_1',
    'ALTER TABLE es.event_1 RENAME TO event_before',
    'DELETE FROM es.event_partition',
    `SELECT es.ensure_event_partitions(${ROWS})`,
    // As if it had been recorded long ago: the time is the database's own, and not hashed.
    "INSERT INTO es.event SELECT (jsonb_populate_record(e, jsonb_build_object('recorded_at', e.recorded_at - interval '9 days'))).* FROM es.event_before e",
    'DROP TABLE es.event_before',
    'COMMIT',
  );
  await fetch(`${scene.url}/api/audit/retention`, { method: 'POST', body: JSON.stringify({ days: 1 }) });
  await scene.signed();
}, 60_000);
afterAll(() => scene.stop());

/** The service in a process of its own, killed at the step while it retires. */
const killedAt = async (order: DeathOrder): Promise<void> => {
  await scene.close();
  const masterKeyFile = writeMasterKey(join(scene.folder, 'master.key'), MASTER_KEY);
  const world = { database: { url: scene.databaseUrl }, nats: { url: 'nats://127.0.0.1:1' } };
  const service = await startEngineProcess({ world, instance: 'audit-1', masterKeyFile, services: 'audit', preload: DIE_AT });
  let ended: string | null | undefined;
  void service.ended.then((signal) => (ended = signal));
  service.tell(order);
  const run = fetch(`${service.api.url}/api/audit/retention/run`, { method: 'POST' }).catch(() => null);
  await until(() => ended !== undefined, { what: 'the process to come to the step', timeoutMs: 20_000 }).finally(() => service.kill());
  expect(ended).toBe('SIGKILL');
  await run;
};

const verify = async (): Promise<{ status: number; failures: unknown; unfinished: unknown }> => {
  const { status, json } = await scene.mandate('verify', '--database', scene.databaseUrl, '--vkey', scene.vkey, '--json');
  return { status, failures: json['failures'], unfinished: json['unfinished'] };
};
const INTACT = { status: 0, failures: [], unfinished: undefined };

describe('retention that is killed', () => {
  it.each<[string, DeathOrder, boolean]>([
    ['before it records what it begins', { when: 'before-saying', text: RETIRING }, false],
    ['when that is recorded', { when: 'answered', text: RETIRING }, false],
    ['when the drop is sent', { when: 'before-saying', text: DROP }, false],
    ['when the partition is dropped', { when: 'answered', text: DROP }, true],
    ['before it records what it did', { when: 'before-saying', text: RETIRED }, true],
    ['when that is recorded, too', { when: 'answered', text: RETIRED }, false],
  ])(
    '%s leaves a log that verifies, and the next start finishes it',
    async (_step, order, dropped) => {
      await killedAt(order);
      const after = await verify();
      expect(after).toMatchObject({ status: 0, failures: [] });
      expect(after.unfinished !== undefined).toBe(dropped);
      if (dropped) await explainedByItsArchive();
      await scene.open();
      expect(await verify()).toEqual(INTACT);
    },
    60_000,
  );
});

/** Without the archive nobody can tell what is missing. */
const explainedByItsArchive = async (): Promise<void> => {
  const archive = join(scene.stateFolder, 'archive');
  renameSync(archive, `${archive}.away`);
  expect(await verify()).toMatchObject({ status: 1, failures: [{ check: 'presence' }, {}] });
  renameSync(`${archive}.away`, archive);
};
