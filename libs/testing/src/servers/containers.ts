/** The shared servers in Docker, through Testcontainers: `npm run test:containers`. */
import { GenericContainer, Wait, type StartedTestContainer } from 'testcontainers';

const POSTGRES_IMAGE = 'postgres:18-alpine';
/** The version that the embedded default fetches. */
const NATS_IMAGE = 'nats:2.14.4-alpine';
const PASSWORD = 'test';

export const startContainers = async (): Promise<{ postgresUrl: string; stop(): Promise<void> }> => {
  const postgres = await new GenericContainer(POSTGRES_IMAGE)
    .withEnvironment({ POSTGRES_USER: 'mandate', POSTGRES_PASSWORD: PASSWORD, POSTGRES_DB: 'mandate' })
    .withCommand(['postgres', '-c', 'max_connections=200', '-c', 'fsync=off', '-c', 'full_page_writes=off'])
    .withTmpFs({ '/var/lib/postgresql': 'rw' })
    .withExposedPorts(5432)
    // The image starts the server twice: the first one only makes the database.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
  const postgresUrl = `postgres://mandate:${PASSWORD}@${address(postgres, 5432)}/mandate`;
  return { postgresUrl, stop: async () => void (await postgres.stop()) };
};

/** A nats-server of one test file's own. */
export const startNatsContainer = async (): Promise<{ url: string; stop(): Promise<void> }> => {
  const nats = await new GenericContainer(NATS_IMAGE)
    .withCommand(['--jetstream', '--store_dir', '/data'])
    .withExposedPorts(4222)
    .withWaitStrategy(Wait.forLogMessage(/Server is ready/))
    .start();
  return { url: `nats://${address(nats, 4222)}`, stop: async () => void (await nats.stop()) };
};

const address = (container: StartedTestContainer, port: number): string => `${container.getHost()}:${container.getMappedPort(port)}`;
