/** One child process: started, watched, ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@mandate/kernel';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A server process that has said it is ready. */
export interface Running {
  /** Where it serves; empty when it serves nothing. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when the process is gone, however that came about. */
  readonly exited: Promise<Exit>;
  /** Ends the process in good order, by force when it takes too long. Calling it twice is harmless. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  command: string;
  args: readonly string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  ipc?: boolean;
  /** Both output streams are appended to this file. */
  logFile: string;
  /** Tried in this order when it is to stop; SIGKILL follows. */
  stopSignals: readonly NodeJS.Signals[];
  /** How long each signal may take. */
  stopTimeoutMs: number;
  /** Called as soon as there is a pid, long before the process is ready: the moment to write a pid file. */
  onSpawn?: ((pid: number) => void) | undefined;
}

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  stop(): Promise<void>;
  /** The end of what it wrote. */
  lastOutput(): string;
}

const openLog = (file: string): number => {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a', 0o600);
};

const LAST_OUTPUT_BYTES = 4_096;

const endOf = (file: string): string => {
  const fd = openSync(file, 'r');
  try {
    const size = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.min(size, LAST_OUTPUT_BYTES));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString();
  } finally {
    closeSync(fd);
  }
};

const endedWithin = async (exited: Promise<Exit>, timeoutMs: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
  try {
    return await Promise.race([exited.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Starts a process in a session of its own, so that a Ctrl-C on the terminal reaches only us and we end our children in order.
 * Throws AppError `CANNOT_START` when the program cannot be run at all.
 */
export const startChild = async (options: ChildOptions): Promise<Child> => {
  const { command, args, ipc, logFile, stopSignals, stopTimeoutMs, onSpawn, ...where } = options;
  const log = openLog(logFile);
  const child = spawn(command, args, { ...where, detached: true, stdio: ['ignore', log, log, ...(ipc ? (['ipc'] as const) : [])] });
  closeSync(log);
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(new AppError('CANNOT_START', 'unavailable', `Cannot run ${command}: ${cause.message}`, {}, { cause })),
    );
  });
  child.on('error', () => undefined); // an undeliverable message or signal: the exit tells what matters
  const pid = child.pid as number;
  onSpawn?.(pid);
  let stopping: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    for (const signal of [...stopSignals, 'SIGKILL' as const]) {
      child.kill(signal);
      if (await endedWithin(exited, stopTimeoutMs)) return;
    }
  };
  return { process: child, pid, exited, stop: () => (stopping ??= end()), lastOutput: () => endOf(logFile) };
};
