/** Waiting for people: over restarts, and without holding anything meanwhile. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startWorld, type World } from '@mandate/testing';
import { PlainApi } from './plain-api.js';
import { PlainRequester } from './plain-requester.js';
import { completed, PlainWorker } from './plain-worker.js';
import { startEngine, type StartedEngine } from './start-engine.js';

let world: World;
let engine: StartedEngine;
let api: PlainApi;
let requester: PlainRequester;
let worker: PlainWorker;
const masterKey = randomBytes(32).toString('hex');
const start = async (): Promise<void> => {
  engine = await startEngine(world, { masterKey });
  api = new PlainApi(engine.url);
};

beforeAll(async () => {
  world = await startWorld();
  await start();
  requester = await PlainRequester.connect(world.nats.url);
  worker = await PlainWorker.start(requester.connection, { capabilities: [{ name: 'hold', concurrency: 8 }], work: () => undefined });
});
afterAll(async () => {
  worker.stop();
  await requester.close();
  await engine.stop();
  await world.stop();
});

const gauge = async (name: string): Promise<number> =>
  Number(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)`, 'm').exec((await api.get('/metrics')).text)?.[1]);

it('a question and an approval wait over a restart, hold no attempt, and go on when they are answered', async () => {
  const asks = await requester.ask({ goal: 'ask', steps: [{ id: 'a', capability: 'hold' }] });
  const offer = await worker.offer(({ delegationId }) => delegationId === asks.id);
  await worker.report(offer, { status: 'input_required', question: { id: 'q', text: 'Which?' } });
  await api.inState(asks.id, 'INPUT_REQUIRED');
  const pays = await requester.ask({ goal: 'pay', steps: [{ id: 'a', capability: 'hold', irreversible: true }] });
  const { approvals } = await api.inState(pays.id, 'INPUT_REQUIRED');
  await engine.stop();
  await start();
  expect(await gauge('mandate_attempts_running')).toBe(0);
  expect(await gauge('mandate_delegations_in_memory')).toBe(0);
  expect((await api.view(pays.id)).approvals).toEqual(approvals);
  await api.post(`/api/delegations/${asks.id}/answer`, { questionId: 'q', answer: 'this one' });
  await api.post(`/api/delegations/${pays.id}/approve`, { digest: approvals?.[0]?.digest });
  const again = await worker.offer(({ delegationId, attempt }) => delegationId === asks.id && attempt === 2);
  expect(again.answers).toEqual({ q: 'this one' });
  await worker.report(again, completed('asked'));
  await worker.report(await worker.offer(({ delegationId }) => delegationId === pays.id), completed('paid'));
  await api.inState(asks.id, 'COMPLETED');
  await api.inState(pays.id, 'COMPLETED');
});
