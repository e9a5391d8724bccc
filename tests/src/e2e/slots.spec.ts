/** No slot leaks: workers are cut off with their hands full, again and again, and the count returns to zero. MANDATE_KILLS=1000 for so many. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { connect } from '@nats-io/transport-node';
import { completed, PlainWorker } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

const KILLS = Number(process.env['MANDATE_KILLS'] ?? 40);
const AT_ONCE = 20;
const SLOTS = 2;
/** Three heartbeats, and a little. */
const LOST_MS = 16_000;

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

const held = async (): Promise<number> => Number((await scene.query('SELECT count(*) FROM es.slot')).rows[0]?.['count']);
const ask = (capability: string): Promise<unknown> => scene.requester.ask({ goal: 'hold', steps: [{ id: 'a', capability }] });

/** As many workers as are killed at once, all of whose slots are taken, go away with their connection. */
const killHolders = async (round: number): Promise<void> => {
  const capability = `held-${round}`;
  const connection = await connect({ servers: scene.world.nats.url });
  const options = { capabilities: [{ name: capability, concurrency: SLOTS }], work: () => undefined };
  const workers = await Promise.all(Array.from({ length: AT_ONCE }, () => PlainWorker.start(connection, options)));
  await Promise.all(Array.from({ length: AT_ONCE * SLOTS }, () => ask(capability)));
  await until(() => workers.every(({ offers }) => offers.length >= SLOTS), { what: 'all slots to be taken', timeoutMs: 30_000 });
  expect(await held()).toBe(AT_ONCE * SLOTS);
  for (const worker of workers) worker.fallSilent();
  await connection.close();
  await until(
    async () => {
      scene.engine.clock.advance(LOST_MS);
      return (await held()) === 0;
    },
    { what: `no slot after ${(round + 1) * AT_ONCE} kills`, timeoutMs: 60_000, everyMs: 1_000 },
  );
};

it(
  `the count is zero after ${KILLS} workers were killed with their hands full, and the scheduler's limit is as wide as before`,
  async () => {
    for (let round = 0; round * AT_ONCE < KILLS; round++) await killHolders(round);
    await scene.api.post('/api/scheduling', { type: 'set-limit', kind: 'tenant', max: SLOTS });
    const last = await scene.worker({ capabilities: [{ name: 'last', concurrency: SLOTS }], work: () => undefined });
    await Promise.all([ask('last'), ask('last')]);
    await until(() => last.offers.length === SLOTS, { what: 'the whole limit to be given' });
    for (const offer of last.offers) await last.report(offer, completed('done'));
    await until(async () => (await held()) === 0, { what: 'no slot in the end' });
  },
  60_000 + KILLS * 1_000,
);

it('a slot that memory has and the table lacks is mended, and put on record with what differed', async () => {
  const worker = await scene.worker({ capabilities: [{ name: 'drifting', concurrency: 1 }], work: () => undefined });
  await ask('drifting');
  const { delegationId, stepId } = await worker.offer();
  await scene.query('DELETE FROM es.slot WHERE delegation_id = $1', [delegationId]);
  const record = (): Promise<unknown> =>
    scene
      .query(
        "SELECT convert_from(canonical, 'UTF8')::jsonb -> 'data' AS data FROM es.event WHERE type = 'dev.mandate.scheduler.driftmended.v1'",
      )
      .then(({ rows }) => rows[0]?.['data']);
  expect(await until(record, { what: 'the drift on record' })).toMatchObject({
    count: 1,
    slots: [{ delegationId, stepId, instance: worker.instance, capability: 'drifting', only: 'memory' }],
  });
});
