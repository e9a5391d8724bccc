/** `mandate up`: everything on this machine, supervised until it is told to stop. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@mandate/kernel';
import { explainFileError, hasRows, lockHome, Supervisor, type SupervisorEvent } from '@mandate/embedded';
import { showDelegation } from './demo.js';
import { FIRST_START, LATER_START } from './demo-requests.js';
import { callApi } from './http.js';
import { keepCredentials, keepMasterKey, masterKeyFile, serviceUrl, type Credentials } from './secrets.js';
import { PROGRAMS, provideHost, provideNats, providePostgres, provideWorkers, type Context, type Programs } from './servers.js';
import { shown, type Settings } from './settings.js';
import { seconds, type Terminal } from './terminal.js';

export interface UpOptions {
  demo: boolean;
  settings: Settings;
  terminal: Terminal;
  /** Aborted when everything is to end. */
  stop: AbortSignal;
  programs?: Programs;
}

const EVENTS_TABLE = 'es.event';

/**
 * Starts everything in order, shows the demonstration and the addresses, and resolves once all of it has been stopped again.
 * Throws AppError with what to do when something cannot start; then nothing is left running.
 */
export const up = async (options: UpOptions): Promise<void> => {
  const { settings, terminal } = options;
  const release = await prepare(settings.home);
  const supervisor = new Supervisor({ runDir: join(settings.home, 'run'), onEvent: (event) => tell(terminal, settings, event) });
  const stopped = new Promise<void>((resolve) => {
    const onAbort = (): void => resolve(supervisor.stop());
    if (options.stop.aborted) onAbort();
    else options.stop.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await supervisor.endOrphans();
    await run({ settings, supervisor, terminal, programs: options.programs ?? PROGRAMS }, options);
    await stopped;
  } catch (error) {
    if (!options.stop.aborted) throw error; // what was cut short by the stop is no failure
  } finally {
    await supervisor.stop();
    await release();
  }
};

const prepare = async (home: string): Promise<() => Promise<void>> => {
  try {
    await mkdir(join(home, 'logs'), { recursive: true, mode: 0o700 });
    const release = await lockHome(join(home, 'run/up.lock'));
    for (const name of await readdir(join(home, 'logs')))
      if (name.endsWith('.log')) await rename(join(home, 'logs', name), join(home, 'logs', `${name}.1`));
    return release;
  } catch (error) {
    throw explainFileError(home, error);
  }
};

const run = async (context: Context, { demo, stop, settings, terminal }: UpOptions): Promise<void> => {
  const startedAt = performance.now();
  const first = !existsSync(join(settings.home, 'credentials.json'));
  terminal.line(`${terminal.paint('bold', 'Mandate')} ${first ? 'makes its state in' : 'resumes from'} ${shown(settings.home)}`);
  const [databaseUrl, natsUrl] = [await providePostgres(context), await provideNats(context)];
  await keepMasterKey(masterKeyFile(settings.home), () => hasRows(databaseUrl, EVENTS_TABLE));
  const planned = { apiUrl: `http://127.0.0.1:${settings.apiPort}`, natsUrl };
  const { apiKey } = await keepCredentials(settings.home, planned);
  const child = { NATS_URL: natsUrl, MANDATE_TOKEN: apiKey, MANDATE_HOME: settings.home };
  const database = settings.databaseUrl
    ? { DATABASE_URL: databaseUrl }
    : { DATABASE_URL: await serviceUrl(settings.home, databaseUrl), MANDATE_DATABASE_OWNER_URL: databaseUrl };
  const host = {
    ...child,
    ...database,
    MANDATE_PORT: `${settings.apiPort}`,
    MANDATE_STATE_DIR: join(settings.home, 'state'),
    MANDATE_MASTER_KEY_FILE: masterKeyFile(settings.home),
  };
  const apiUrl = await provideHost(context, host);
  const credentials = await keepCredentials(settings.home, { ...planned, apiUrl: apiUrl || planned.apiUrl });
  if (demo) {
    await provideWorkers(context, child);
    await demonstrate(terminal, credentials, stop);
  }
  if (stop.aborted) return;
  terminal.line(
    `${terminal.paint('green', 'Ready')} after ${seconds(performance.now() - startedAt)}. Ctrl-C stops everything; the state stays.`,
  );
  showAddresses(terminal, settings, credentials);
};

/** All patterns where nothing was ever delegated, one sign of life later. */
const demonstrate = async (terminal: Terminal, credentials: Credentials, stop: AbortSignal): Promise<void> => {
  terminal.line();
  const { items } = await callApi<{ items: unknown[] }>(credentials, 'GET', '/api/delegations?limit=1');
  for (const [title, request] of items.length === 0 ? FIRST_START : LATER_START) {
    terminal.line(title);
    try {
      await showDelegation(terminal, credentials, request, stop);
    } catch (error) {
      if (stop.aborted || !(error instanceof AppError)) throw error;
      terminal.line(`  ${terminal.paint('red', '✘')} ${error.message}`); // what is shown failed, not what shows it
    }
  }
};

const showAddresses = ({ line, paint }: Terminal, { home }: Settings, { apiUrl, natsUrl }: Credentials): void => {
  line(`  HTTP ${paint('cyan', apiUrl)} (OpenAPI at /openapi.json)   NATS ${paint('cyan', natsUrl)}`);
  line(`  key in ${shown(join(home, 'credentials.json'))}   logs in ${shown(join(home, 'logs'))}`);
  line('Try, in another terminal:');
  line('  npx mandate delegate "Summarise these three reports and then write a recommendation" --wait');
  line('  npx mandate list');
  line('  npx mandate agents');
};

const tell = ({ line, paint }: Terminal, settings: Settings, event: SupervisorEvent): void => {
  switch (event.type) {
    case 'orphans-ended':
      return line(`  ${paint('yellow', '!')} ended what a killed start had left running: ${event.names.join(', ')}`);
    case 'died':
      return line(
        `  ${paint('yellow', '!')} ${event.name} ended (${event.exit.signal ?? `status ${event.exit.code}`}); starts again in ${seconds(event.retryInMs)}`,
      );
    case 'start-failed':
      return line(
        `  ${paint('red', '✘')} ${event.name} did not start (see ${shown(join(settings.home, 'logs'))}); again in ${seconds(event.retryInMs)}`,
      );
    case 'started':
      return event.restarts > 0 ? line(`  ${paint('green', '✔')} ${event.name} is back`) : undefined;
  }
};
