/** The process around `up`: signals in, exit status out. */
import { AppError } from '@mandate/kernel';
import type { Surroundings } from '../config.js';
import { CliError, EXIT } from '../exit.js';
import { readSettings } from './settings.js';
import { terminalOn } from './terminal.js';
import { up } from './up.js';

/** npm passes on the Ctrl-C that the terminal has sent us already; only a later one is a person who cannot wait. */
const IMPATIENT_AFTER_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const stopOnSignals = (): AbortSignal => {
  const stop = new AbortController();
  let firstAt: number | undefined;
  for (const name of SIGNALS)
    process.on(name, () => {
      if (firstAt !== undefined && performance.now() - firstAt > IMPATIENT_AFTER_MS) process.exit(EXIT.no); // the next start ends what is left
      firstAt ??= performance.now();
      stop.abort();
    });
  return stop.signal;
};

/** Runs until a signal tells it to stop. Throws CliError for a wrong setting (status 2) or when something cannot start (status 3). */
export const runUp = async (demo: boolean, { env, cwd }: Surroundings): Promise<void> => {
  process.stdout.removeAllListeners('error'); // `mandate up | head` goes on: a reader who leaves must not take the servers along
  const terminal = terminalOn(process.stdout);
  try {
    await up({ demo, settings: readSettings(env, cwd), terminal, stop: stopOnSignals() });
    terminal.line('Stopped.');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new CliError(error.code, error.message, error.kind === 'invalid' ? EXIT.usage : EXIT.unreachable);
  }
};
