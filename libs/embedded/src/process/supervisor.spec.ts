import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startChild, type Running } from './child.js';
import { identify, signal } from './identity.js';
import { Supervisor, type Supervised, type SupervisorEvent } from './supervisor.js';

const SCRIPT = fileURLToPath(new URL('../../fixtures/child.mjs', import.meta.url));

describe('the supervisor', () => {
  let folder: string;
  let supervisor: Supervisor;
  let events: SupervisorEvent[];
  let wake: () => void;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mandate-'));
    events = [];
    wake = () => undefined;
    const onEvent = (event: SupervisorEvent): void => {
      events.push(event);
      wake();
    };
    supervisor = new Supervisor({ runDir: join(folder, 'run'), onEvent, firstBackoffMs: 1, maxBackoffMs: 8 });
  });
  afterEach(async () => {
    await supervisor.stop();
    await rm(folder, { recursive: true });
  });

  const when = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const next = new Promise<void>((resolve) => (wake = resolve));
      const found = look();
      if (found !== undefined) return found;
      await next;
    }
  };
  const startsOf = (name: string): Running[] =>
    events.flatMap((event) => (event.type === 'started' && event.name === name ? [event.running] : []));
  const server = (name: string): Supervised => ({
    name,
    stopSignals: ['SIGTERM'],
    start: async (onSpawn) => {
      const logFile = join(folder, `${name}.log`);
      const child = await startChild({
        command: process.execPath,
        args: [SCRIPT],
        logFile,
        stopSignals: ['SIGTERM'],
        stopTimeoutMs: 5_000,
        onSpawn,
      });
      return { url: '', pid: child.pid, exited: child.exited, stop: () => child.stop() };
    },
  });

  it('starts again what was killed, as often as it is killed', async () => {
    let { pid } = await supervisor.start(server('a'));
    for (const times of [2, 3, 4]) {
      signal(pid, 'SIGKILL');
      pid = (await when(() => startsOf('a')[times - 1])).pid;
    }
    expect(identify(pid)).toBeDefined();
    expect(events.flatMap((event) => (event.type === 'died' ? [event.retryInMs] : []))).toEqual([1, 2, 4]);
  });

  it('begins with the first backoff again after a healthy while', async () => {
    await supervisor.stop();
    const onEvent = (event: SupervisorEvent): void => {
      events.push(event);
      wake();
    };
    supervisor = new Supervisor({ runDir: join(folder, 'run'), onEvent, firstBackoffMs: 1, healthyAfterMs: 0 });
    const { pid } = await supervisor.start(server('a'));
    signal(pid, 'SIGKILL');
    signal((await when(() => startsOf('a')[1])).pid, 'SIGKILL');
    await when(() => startsOf('a')[2]);
    expect(events.flatMap((event) => (event.type === 'died' ? [event.retryInMs] : []))).toEqual([1, 1]);
  });

  it('keeps trying when a restart fails, and restarts a dependent only after what it depends on', async () => {
    let failures = 3;
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const flaky = server('flaky');
    const first = await supervisor.start({
      ...flaky,
      start: async (onSpawn) => {
        if (startsOf('flaky').length > 0) await gate;
        if (startsOf('flaky').length > 0 && failures-- > 0) throw new Error('not yet');
        return flaky.start(onSpawn);
      },
    });
    const dependent = await supervisor.start(server('dependent'));
    const death = (name: string): Promise<SupervisorEvent> =>
      when(() => events.find((event) => event.type === 'died' && event.name === name));
    signal(first.pid, 'SIGKILL');
    await death('flaky');
    signal(dependent.pid, 'SIGKILL');
    await death('dependent');
    open();
    await when(() => startsOf('dependent')[1]);
    expect(events.filter(({ type }) => type === 'start-failed')).toHaveLength(3);
    const order = events.flatMap((event) => (event.type === 'started' ? [event.name] : []));
    expect(order).toEqual(['flaky', 'dependent', 'flaky', 'dependent']);
  });

  it('stops all in reverse order and leaves no process and no pid file', async () => {
    const ended: string[] = [];
    const runnings: Running[] = [];
    for (const name of ['a', 'b', 'c']) {
      const running = await supervisor.start(server(name));
      void running.exited.then(() => ended.push(name));
      runnings.push(running);
    }
    await supervisor.stop();
    expect(ended).toEqual(['c', 'b', 'a']);
    expect(runnings.map(({ pid }) => identify(pid))).toEqual([undefined, undefined, undefined]);
    expect(await readdir(join(folder, 'run'))).toEqual([]);
  });

  it('stops a start that is under way', async () => {
    const hanging: Supervised = {
      ...server('hanging'),
      start: async (onSpawn) => {
        const running = await server('hanging').start(onSpawn);
        await running.exited; // never healthy
        throw new Error('ended before it was healthy');
      },
    };
    let spawned: () => void = () => undefined;
    const spawn = new Promise<void>((resolve) => (spawned = resolve));
    const start = hanging.start;
    const starting = supervisor.start({
      ...hanging,
      start: (onSpawn) =>
        start((pid) => {
          onSpawn(pid);
          spawned();
        }),
    });
    const failed = expect(starting).rejects.toThrow('ended before it was healthy');
    await spawn;
    await supervisor.stop();
    await failed;
    await expect(supervisor.start(server('late'))).rejects.toMatchObject({ code: 'STOPPING' });
  });
});
