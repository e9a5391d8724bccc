/** A delegation whose time is over: its events are gone, its id is not. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId } from './plain-requester.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
  await scene.worker({ capabilities: ['shout'] });
});
afterAll(() => scene.stop());

/** Ends the first partition behind what is there, and retires it. */
const retireAll = async (): Promise<number> => {
  const { rows } = await scene.query('SELECT size FROM es.log');
  const line = Number(rows[0]?.['size']) + 1;
  await scene.query('BEGIN');
  await scene.query('LOCK es.event');
  await scene.query('ALTER TABLE es.event DETACH PARTITION es.event_1');
  await scene.query(`ALTER TABLE es.event ATTACH PARTITION es.event_1 FOR VALUES FROM (1) TO (${line})`);
  await scene.query('UPDATE es.event_partition SET to_position = $1', [line]);
  await scene.query('SELECT es.ensure_event_partitions()');
  await scene.query('COMMIT');
  await scene.query('SELECT es.retire_partition(1, $1)', [line]);
  return line;
};

it('says that it is retired, keeps its id taken, and new work goes on beside it', async () => {
  const request = { goal: 'quietly', steps: [{ id: 'a', capability: 'shout' }] };
  const { id } = await scene.requester.ask(request);
  await scene.api.inState(id, 'COMPLETED');
  await retireAll();
  expect(await scene.api.get(`/api/delegations/${id}`)).toMatchObject({ status: 404, body: { code: 'RETIRED' } });
  expect(await scene.api.get(`/api/delegations/${id}/events`)).toMatchObject({ status: 404, body: { code: 'RETIRED' } });
  const again = await scene.requester.ask(request, { id });
  expect((await again.answer()).body).toMatchObject({ code: 'RETIRED' });
  const canceled = await scene.requester.command(id, { type: 'cancel' });
  expect((await canceled.answer()).body).toMatchObject({ code: 'RETIRED' });
  const subject = `mandate.v1.default.result.${id}.a.1`;
  await scene.requester.publish(subject, { leaseId: newId(), status: 'completed', output: 1 }, { 'Mandate-Reply-To': '' });
  await until(async () => (await scene.parked(subject)).length > 0, { what: 'the late result to be parked' });
  const other = await scene.requester.ask(request);
  expect((await scene.api.inState(other.id, 'COMPLETED')).result).toBe('QUIETLY');
});
