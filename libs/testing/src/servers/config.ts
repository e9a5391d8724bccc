import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@mandate/kernel';

/** What the processes of one run of the tests share. Travels in the environment variable MANDATE_TEST_RUN. */
export interface TestRun {
  mode: 'embedded' | 'containers';
  /** A directory of this run alone; it is gone after the run. */
  dir: string;
  /** Owner of the shared PostgreSQL server. */
  postgresUrl: string;
  /** Path of the nats-server program. */
  natsServer: string;
}

export const RUN_VARIABLE = 'MANDATE_TEST_RUN';

/** What a run adds to the environment of its tests: itself, and nats-server on the PATH for what they start. */
export const runEnvironment = (run: TestRun): Record<string, string> => ({
  [RUN_VARIABLE]: JSON.stringify(run),
  PATH: [dirname(run.natsServer), process.env['PATH']].join(delimiter),
});

/** The state directory of this checkout: a nats-server that was fetched once is kept there. */
export const checkoutHome = (): string => process.env['MANDATE_HOME'] ?? fileURLToPath(new URL('../../../../.mandate', import.meta.url));

/** nats-server is a program of our own here, never the one that NATS_URL names. */
export const environmentWithoutServers = (): NodeJS.ProcessEnv => ({ ...process.env, NATS_URL: undefined });

/** Undefined where no run was started: its servers are started by Jest's global setup, or by `npm test` for all projects. */
export const givenRun = (): TestRun | undefined => {
  const given = process.env[RUN_VARIABLE];
  return given ? (JSON.parse(given) as TestRun) : undefined;
};

/** Throws AppError `NO_TEST_RUN` outside of a run. */
export const testRun = (): TestRun => {
  const run = givenRun();
  if (run) return run;
  throw new AppError(
    'NO_TEST_RUN',
    'unavailable',
    `${RUN_VARIABLE} is not set: run the tests with "npm test" or "node tools/jest.mjs". Projects of the layers kernel, contracts and domain get no servers.`,
  );
};

/** `MANDATE_TEST_SERVERS=containers` runs the servers in Docker instead of embedded. */
export const wantedMode = (): TestRun['mode'] => {
  const wanted = process.env['MANDATE_TEST_SERVERS'] ?? 'embedded';
  if (wanted === 'embedded' || wanted === 'containers') return wanted;
  throw new AppError('BAD_CONFIG', 'invalid', `MANDATE_TEST_SERVERS is "${wanted}"; it may be "embedded" or "containers"`);
};
