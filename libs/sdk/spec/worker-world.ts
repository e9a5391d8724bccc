/** A server, a fake engine and the workers of one test file. */
import type { NatsConnection } from '@nats-io/transport-node';
import type { Capabilities } from '../src/worker/capability.js';
import { createWorker, type Worker, type WorkerOptions } from '../src/worker/worker.js';
import { FakeEngine } from './fake-engine.js';
import { OwnNatsServer } from './nats-server.js';

export class WorkerWorld {
  private workers: Worker[] = [];

  private constructor(
    private readonly server: OwnNatsServer,
    readonly connection: NatsConnection,
    readonly engine: FakeEngine,
  ) {}

  static async start(): Promise<WorkerWorld> {
    const server = await OwnNatsServer.start();
    const engine = new FakeEngine(await server.connect());
    await engine.start();
    return new WorkerWorld(server, await server.connect(), engine);
  }

  /** A worker that has registered and sent its first heartbeat. */
  async startWorker(capabilities: Capabilities, options: Partial<WorkerOptions<Capabilities>> = {}): Promise<Worker> {
    const worker = createWorker({ connection: this.connection, name: 'tester', version: '1.0.0', graceMs: 100, capabilities, ...options });
    this.workers.push(worker);
    await worker.start();
    await this.engine.until(() => this.engine.heartbeats.some(({ instance }) => instance === worker.instance));
    return worker;
  }

  async stopWorkers(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    this.workers = [];
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

/** A handler that waits until the test lets it go. */
export const gated = (): {
  capabilities: Capabilities;
  runs: { signal: AbortSignal; stepKey: string; attemptKey: string }[];
  release: () => void;
  begun: Promise<void>;
} => {
  let release = (): void => undefined;
  let started = (): void => undefined;
  const open = new Promise<void>((resolve) => (release = resolve));
  const begun = new Promise<void>((resolve) => (started = resolve));
  const runs: { signal: AbortSignal; stepKey: string; attemptKey: string }[] = [];
  const handler: Capabilities[string]['handler'] = async (_task, { signal, stepKey, attemptKey }) => {
    runs.push({ signal, stepKey, attemptKey });
    started();
    await Promise.race([open, new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))]);
    return 'done';
  };
  return { capabilities: { echo: { description: 'Waits', handler } }, runs, release, begun };
};
