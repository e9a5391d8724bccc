/** The process around `up`: signals in, exit status out. */
import { AppError } from '@mandate/kernel';
import { readSettings } from './settings.js';
import { terminalOn } from './terminal.js';
import { up } from './up.js';

const WRONG_USE = 2;
const UNAVAILABLE = 3;
/** npm passes on the Ctrl-C that the terminal has sent us already; only a later one is a person who cannot wait. */
const IMPATIENT_AFTER_MS = 1_000;

const onStop = (stop: AbortController): void => {
  let firstAt: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (firstAt !== undefined && performance.now() - firstAt > IMPATIENT_AFTER_MS) process.exit(1); // the next start ends what is left
      firstAt ??= performance.now();
      stop.abort();
    });
};

/** Runs until it is told to stop and ends the process: 0 when stopped in order, 2 for a wrong setting, 3 when something cannot start. */
export const runUp = async (demo: boolean): Promise<void> => {
  const terminal = terminalOn(process.stdout);
  const stop = new AbortController();
  onStop(stop);
  try {
    await up({ demo, settings: readSettings(process.env), terminal, stop: stop.signal });
    terminal.line('Stopped.');
    process.exit(0);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    process.stderr.write(`mandate: ${error.message}\n`);
    process.exit(error.kind === 'invalid' ? WRONG_USE : UNAVAILABLE);
  }
};
