/** What most of these specs need: a world, one engine, a requester, the API, and workers that are stopped in the end. */
import { startWorld, type World } from '@mandate/testing';
import pg from 'pg';
import { PlainApi } from './plain-api.js';
import { PlainRequester } from './plain-requester.js';
import { PlainWorker, type WorkerOptions } from './plain-worker.js';
import { startEngine, type StartedEngine } from './start-engine.js';

export interface Scene {
  readonly world: World;
  readonly engine: StartedEngine;
  readonly requester: PlainRequester;
  readonly api: PlainApi;
  worker(options: WorkerOptions): Promise<PlainWorker>;
  /** Asks the world's database. */
  query(sql: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
  /** Why messages that came by this subject were parked. */
  parked(subject: string): Promise<string[]>;
  stop(): Promise<void>;
}

export const startScene = async (): Promise<Scene> => {
  const world = await startWorld();
  const engine = await startEngine(world);
  const requester = await PlainRequester.connect(world.nats.url);
  const database = new pg.Client({ connectionString: world.database.url });
  await database.connect();
  const workers: PlainWorker[] = [];
  return {
    world,
    engine,
    requester,
    api: new PlainApi(engine.url),
    worker: async (options) => {
      const worker = await PlainWorker.start(requester.connection, options);
      workers.push(worker);
      return worker;
    },
    query: (sql, values) => database.query<Record<string, unknown>>(sql, values),
    parked: async (subject) => {
      const { rows } = await database.query<{ reason: string }>('SELECT reason FROM es.dead_letter WHERE source = $1', [subject]);
      return rows.map(({ reason }) => reason);
    },
    stop: async () => {
      for (const worker of workers) worker.stop();
      await requester.close();
      await engine.stop();
      await database.end();
      await world.stop();
    },
  };
};
