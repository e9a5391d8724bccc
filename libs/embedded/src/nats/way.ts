/** One way to come by a nats-server program. */
import type { Run } from '../process/run.js';

export interface Machine {
  /** `<home>/bin`, where a fetched program is kept. */
  binDir: string;
  run: Run;
  fetch: typeof fetch;
  env: NodeJS.ProcessEnv;
  /** Node's names: linux, darwin, …; x64, arm64, … */
  platform: string;
  arch: string;
  /** Root of the file system that is asked for apt's sources. */
  root: string;
  /** Directory that holds the release's files, without its version. */
  releases: string;
  /** Told what is being done. */
  report: (line: string) => void;
}

/** A program, or why there is none this way; never throws for what is merely absent or unreachable. */
export type Outcome = { path: string } | { reason: string };

export interface Way {
  /** For a person: "found on PATH". */
  readonly how: string;
  /** For a person who reads why nothing worked: "PATH". */
  readonly name: string;
  obtain(machine: Machine): Promise<Outcome>;
}

/** The release that is fetched where none is installed: the image's tag and the archive's name. */
export const PINNED_VERSION = '2.14.4';

export const PROGRAM = 'nats-server';
