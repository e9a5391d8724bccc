/** Where the NATS server comes from: the first way that works, in a fixed order, and said aloud. */
import { join } from 'node:path';
import { AppError } from '@mandate/kernel';
import { explainFileError } from '../machine.js';
import { run } from '../process/run.js';
import { isNewEnough, natsVersion, OLDEST } from './version.js';
import { fromDebian } from './way-debian.js';
import { fromDocker } from './way-docker.js';
import { fromRelease } from './way-release.js';
import { kept, onPath } from './ways-local.js';
import type { Machine, Way } from './way.js';

/** A server that runs elsewhere, or a program to run. */
export type NatsServer = { url: string; how: string } | { path: string; how: string; version: string };

export interface ResolveOptions {
  /** State directory; programs are kept in `<home>/bin`. */
  home: string;
  report?: (line: string) => void;
  /** What of the machine a test replaces. */
  machine?: Partial<Machine>;
}

export const WAYS: readonly Way[] = [onPath, kept, fromDocker, fromRelease, fromDebian];

const RELEASES = 'https://github.com/nats-io/nats-server/releases/download';

const missing = (reasons: readonly string[], binDir: string): AppError =>
  new AppError(
    'NATS_SERVER_MISSING',
    'unavailable',
    [
      `No nats-server ${OLDEST.join('.')} or newer could be found or fetched:`,
      ...reasons.map((reason) => `  - ${reason}`),
      'One of these mends it:',
      '  - set NATS_URL to a server that runs already (with JetStream)',
      `  - put the program on the PATH or at ${join(binDir, 'nats-server')} (https://github.com/nats-io/nats-server/releases)`,
      '  - start Docker, or let this machine reach github.com or a Debian mirror',
    ].join('\n'),
    { reasons },
  );

/**
 * Tries NATS_URL, PATH, `<home>/bin`, Docker, the official release and Debian's package, each given up within seconds.
 * Throws AppError `NATS_SERVER_MISSING` with every reason and the ways to mend it, `CHECKSUM_MISMATCH` when a download was tampered with.
 */
export const resolveNatsServer = async (options: ResolveOptions): Promise<NatsServer> => {
  const binDir = join(options.home, 'bin');
  const machine: Machine = {
    binDir,
    run,
    fetch,
    env: process.env,
    platform: process.platform,
    arch: process.arch,
    root: '/',
    releases: RELEASES,
    report: options.report ?? ((): void => undefined),
    ...options.machine,
  };
  const url = machine.env['NATS_URL'];
  if (url) return { url, how: 'named by NATS_URL' };
  const reasons: string[] = [];
  for (const way of WAYS) {
    const outcome = await way.obtain(machine).catch((error: unknown) => Promise.reject(explainFileError(binDir, error)));
    if ('reason' in outcome) {
      reasons.push(`${way.name}: ${outcome.reason}`);
      continue;
    }
    const version = await natsVersion(machine.run, outcome.path);
    if (version && isNewEnough(version)) return { path: outcome.path, how: way.how, version };
    reasons.push(`${way.name}: ${outcome.path} ${version ? `is ${version}` : 'does not run here'}`);
  }
  throw missing(reasons, binDir);
};
