import { testDatabase, type TestDatabase, type TestDatabaseOptions } from './servers/database.js';
import { testNats, type TestNats } from './servers/nats-server.js';

export interface World {
  readonly database: TestDatabase;
  readonly nats: TestNats;
  stop(): Promise<void>;
}

/** A database and a bus of one test file's own: `const world = await startWorld(); afterAll(() => world.stop());`. */
export const startWorld = async (options: TestDatabaseOptions = {}): Promise<World> => {
  const [database, nats] = await Promise.all([testDatabase(options), testNats()]);
  return { database, nats, stop: async () => void (await Promise.all([database.stop(), nats.stop()])) };
};
