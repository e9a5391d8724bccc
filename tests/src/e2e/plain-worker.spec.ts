/** The worker in one file, without the SDK and without anything of these tests, does real work: the contract is enough. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import type { Document } from './plain-requester.js';
import { startScene, type Scene } from './start-scene.js';

const FILE = fileURLToPath(new URL('../../../examples/plain-worker.mjs', import.meta.url));
const INSTANCE = 'plain-example';

let scene: Scene;
let worker: ChildProcess;

beforeAll(async () => {
  scene = await startScene();
  const env = { PATH: process.env['PATH'], NATS_URL: scene.world.nats.url, MANDATE_TOKEN: 'a-key', MANDATE_INSTANCE: INSTANCE };
  worker = spawn(process.execPath, [FILE], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = worker;
  if (!stdout) throw new Error('the worker has no output');
  const [line] = (await once(stdout, 'data')) as [Buffer];
  expect(line.toString()).toBe(`${INSTANCE} is ready\n`);
});

afterAll(async () => {
  if (worker.exitCode === null) worker.kill('SIGKILL');
  await scene.stop();
});

it('is listed with what it can do', async () => {
  const agent = await until(
    async () => {
      const { items } = (await scene.api.get<{ items: Document[] }>('/api/agents')).body;
      return items.find(({ instance, state }) => instance === INSTANCE && state === 'online');
    },
    { what: 'the worker to be online' },
  );
  expect(agent).toMatchObject({ name: 'plain-worker', capabilities: [{ name: 'shout', concurrency: 2, effects: 'none' }] });
});

it('carries out what is asked in plain words, and with steps', async () => {
  const words = await scene.requester.ask({ goal: 'Shout good morning' });
  expect((await scene.api.inState(words.id, 'COMPLETED')).steps[0]?.worker).toBe(INSTANCE);
  const steps = ['one', 'two', 'three', 'four', 'five'].map((input) => ({ id: input, capability: 'shout', input }));
  const fan = await scene.requester.ask({ goal: 'shout', steps });
  const { result } = await scene.api.inState(fan.id, 'COMPLETED');
  expect(result).toEqual({ one: 'ONE', two: 'TWO', three: 'THREE', four: 'FOUR', five: 'FIVE' });
});

it('drains and ends when it is told to', async () => {
  const exited = once(worker, 'exit');
  worker.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
