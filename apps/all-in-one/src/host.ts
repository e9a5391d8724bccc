/** A process that hosts services: starts them, says when it is ready, and ends them in order. */
import { AppError } from '@mandate/kernel';
import { within, type Logger, type Served } from '@mandate/service-host';

/** What of `process` the host needs. */
export interface HostProcess {
  on(event: 'SIGTERM' | 'SIGINT' | 'disconnect', listener: () => void): unknown;
  on(event: 'uncaughtException', listener: (error: unknown) => void): unknown;
  send?: ((message: unknown) => unknown) | undefined;
  exit(code: number): void;
}

/** The most a shutdown may take; whoever supervises us kills after that anyway. */
const STOP_TIMEOUT_MS = 25_000;

/**
 * Runs `start` and owns the process's end: on SIGTERM, on SIGINT and when the parent that forked us is gone, everything is closed
 * in order and the exit status is 0. A second signal ends at once with 1, as does an error that nobody handled.
 */
export const runHost = async (start: () => Promise<Served>, process: HostProcess, logger: Logger): Promise<void> => {
  let stopping = false;
  const starting = start();
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return process.exit(1);
    stopping = true;
    logger.info({ reason }, 'stopping');
    try {
      await within(
        starting.then((served) => served.close()),
        STOP_TIMEOUT_MS,
        'not stopped',
      );
      process.exit(0);
    } catch (error) {
      logger.error({ err: error }, 'not stopped cleanly');
      process.exit(1);
    }
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('disconnect', () => void stop('parent is gone'));
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'unhandled error');
    process.exit(1);
  });
  try {
    const { url } = await starting;
    logger.info({ apiUrl: url }, 'ready');
    if (!stopping) process.send?.({ type: 'ready', apiUrl: url });
  } catch (error) {
    logger.fatal(
      error instanceof AppError ? { code: error.code } : { err: error },
      error instanceof Error ? error.message : 'cannot start',
    );
    process.exit(1);
  }
};
