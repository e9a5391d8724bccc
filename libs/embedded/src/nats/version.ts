import type { Run } from '../process/run.js';

/** The oldest server that has atomic batch publishing. */
export const OLDEST: readonly [number, number] = [2, 12];

/** "2.15.1" of `nats-server: v2.15.1`; undefined when the program does not answer as nats-server does. */
export const natsVersion = async (run: Run, program: string): Promise<string | undefined> => {
  const { status, stdout } = await run(program, ['--version'], { timeoutMs: 3_000 });
  return status === 0 ? /\bv?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] : undefined;
};

export const isNewEnough = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
};
