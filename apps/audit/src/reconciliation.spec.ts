/** Counters beside the log against the log, also after a superuser took an event out of it. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CommitCounter, RefusalRecorder } from '@mandate/event-store';
import pg from 'pg';
import { startAuditScene, type AuditScene } from '../spec/start-audit.js';
import { LogReader } from './log/log-reader.js';
import { OwnEvents } from './own-events.js';
import { Reconciliation } from './reconciliation.js';

const clock = { now: () => Date.now() };

let scene: AuditScene;
let counter: CommitCounter;
let reconciliation: Reconciliation;
let recorder: RefusalRecorder;

beforeAll(async () => {
  scene = await startAuditScene();
  const { store } = scene;
  counter = new CommitCounter({ store, instance: 'tests-tests-1', clock });
  recorder = new RefusalRecorder({ store, instance: 'tests-tests-1', clock, answered: counter.refused });
  reconciliation = new Reconciliation(store, new LogReader(store.database), new OwnEvents(store, clock));
  await reconciliation.run();
});
afterAll(async () => {
  await recorder.stop();
  await counter.stop();
  await scene.stop();
});

const work = async (): Promise<void> => {
  await scene.append('d1', [{}, {}, {}]);
  await Promise.all(
    [1, 2, 3].map(() =>
      recorder.record({
        tenant: 'default',
        principal: 'eve',
        kind: 'operator',
        via: 'http',
        operation: 'GET x',
        code: 'NOPE',
        status: 403,
      }),
    ),
  );
  await counter.tell();
};

it('agrees with a log that is whole', async () => {
  await work();
  await work();
  await reconciliation.run();
  expect([reconciliation.compared, reconciliation.mismatches]).toEqual([2, 0]);
  expect(reconciliation.report()).toContain('agree');
});

it('tells nothing while nothing happens', async () => {
  await counter.tell();
  const { size } = await scene.store.head();
  await counter.tell();
  expect((await scene.store.head()).size).toBe(size);
});

it('finds out when an event is gone, and puts that on record', async () => {
  await work();
  const client = new pg.Client({ connectionString: scene.database.url });
  await client.connect();
  const { rows } = await client.query<{ position: string }>("SELECT max(position) AS position FROM es.event WHERE stream_id = 'd1'");
  await client.query('ALTER TABLE es.event DISABLE TRIGGER ALL; ALTER TABLE es.event_1 DISABLE TRIGGER ALL');
  await client.query('DELETE FROM es.event WHERE position = $1', [rows[0]?.position]);
  await client.end();
  await reconciliation.run();
  expect(() => reconciliation.report()).toThrow(/more events than the log holds/);
  const [mismatched] = await scene.store.readStream({ tenant: 'default', stream: { type: 'audit', id: 'reconciliation' } });
  expect(mismatched).toMatchObject({
    outcome: 'failure',
    reason: 'EVENTS_MISSING',
    actor: { kind: 'service', id: 'audit' },
    data: { service: 'tests' },
  });
  expect(Number(mismatched?.data['counted']) - Number(mismatched?.data['logged'])).toBe(1);
});
