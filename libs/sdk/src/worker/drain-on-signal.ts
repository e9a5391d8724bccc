import type { Worker } from './worker.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Stops the worker in order when the process is told to end; afterwards `done` may close the connection, which lets the
 * process exit by itself. A second signal ends it at once. Returns the function that undoes this.
 */
export const drainOnSignal = (worker: Pick<Worker, 'stop'>, done: () => Promise<void> | void = () => undefined): (() => void) => {
  let told = false;
  const onSignal = (): void => {
    if (told) process.exit(1);
    told = true;
    void worker.stop().then(done);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => SIGNALS.forEach((signal) => process.off(signal, onSignal));
};
