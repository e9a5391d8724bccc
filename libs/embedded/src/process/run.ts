import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Written to standard input, which is then closed. */
  input?: string;
  uid?: number;
  gid?: number;
  /** Killed after this long; default 30 s. */
  timeoutMs?: number;
  /** Killed when nothing at all was written within this time: how a command that hangs on the network is given up early. */
  firstOutputMs?: number;
}

/** `status` is null when the command was killed or could not be started at all; `output` is both streams in order of arrival. */
export interface RunResult {
  status: number | null;
  stdout: string;
  output: string;
}

/** How outside commands are run; injected where a test must stand in for the machine. */
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>;

/** Runs a command to its end. Never throws: a command that is missing, hangs or fails has a status other than 0. */
export const run: Run = (command, args, options = {}) =>
  new Promise((resolve) => {
    const { input, timeoutMs = 30_000, firstOutputMs, ...rest } = options;
    const child = spawn(command, args, { ...rest, stdio: 'pipe' });
    let stdout = '';
    let output = '';
    const kill = (): void => void child.kill('SIGKILL');
    const deadline = setTimeout(kill, timeoutMs);
    const silence = firstOutputMs === undefined ? undefined : setTimeout(kill, firstOutputMs);
    const finish = (status: number | null): void => {
      clearTimeout(deadline);
      clearTimeout(silence);
      resolve({ status, stdout, output });
    };
    const collect = (chunk: Buffer): void => {
      clearTimeout(silence);
      output += chunk.toString();
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      collect(chunk);
    });
    child.stderr.on('data', collect);
    child.stdin.on('error', () => undefined); // the command may end without reading its input
    child.on('error', (error) => {
      output += error.message;
      finish(null);
    });
    child.on('close', (status) => finish(status));
    child.stdin.end(input);
  });

/** The last lines of what a program wrote, for an error message. */
export const tail = (text: string, lines = 5): string => text.trim().split('\n').slice(-lines).join('\n');
