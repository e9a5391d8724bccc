/** A Node program of ours as a child: on the leash, ready when it says so. */
import { AppError } from '@mandate/kernel';
import { startChild, type Child, type Running } from './child.js';
import { tail } from './run.js';

export interface NodeChildOptions {
  /** For error messages. */
  name: string;
  script: string;
  env: NodeJS.ProcessEnv;
  logFile: string;
  /** Options of node itself. */
  nodeArgs?: readonly string[];
  readyTimeoutMs?: number;
  stopTimeoutMs?: number;
  onSpawn?: (pid: number) => void;
}

/** The built one, also when this file runs from source: a child loads it without our toolchain. */
const LEASH = new URL('../../dist/process/leash.js', import.meta.url);

/** What a child sends over IPC once it serves. */
interface Ready {
  type: 'ready';
  apiUrl?: string;
}

const isReady = (message: unknown): message is Ready =>
  typeof message === 'object' && message !== null && (message as { type?: unknown }).type === 'ready';

const untilReady = (child: Child, timeoutMs: number): Promise<Ready | undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    const finish = (ready: Ready | undefined): void => {
      clearTimeout(timer);
      resolve(ready);
    };
    child.process.on('message', (message) => isReady(message) && finish(message));
    void child.exited.then(() => finish(undefined));
  });

/** A structured log line by its message, another one as it is. */
const plain = (line: string): string => {
  try {
    const { message, msg } = JSON.parse(line) as { message?: unknown; msg?: unknown };
    return String(message ?? msg ?? line);
  } catch {
    return line;
  }
};

/** How our programs say that a setting is wrong: no restart mends that. */
const WRONG_USE = 2;

const explain = (output: string): string => tail(output, 6).split('\n').map(plain).join('\n');

/** Starts it and resolves when it sent `{type:'ready'}`. Throws AppError `CHILD_FAILED` when it ends first or stays silent. */
export const startNodeChild = async (options: NodeChildOptions): Promise<Running> => {
  const { name, script, env, logFile, nodeArgs = [], readyTimeoutMs = 60_000, stopTimeoutMs = 28_000, onSpawn } = options;
  const child = await startChild({
    command: process.execPath,
    args: [...nodeArgs, '--import', LEASH.href, script],
    env,
    ipc: true,
    logFile,
    stopSignals: ['SIGTERM'],
    stopTimeoutMs,
    onSpawn,
  });
  const ready = await untilReady(child, readyTimeoutMs);
  if (ready) return { url: ready.apiUrl ?? '', pid: child.pid, exited: child.exited, stop: () => child.stop() };
  await child.stop();
  const { code } = await child.exited;
  const said = child.lastOutput().trim() ? explain(child.lastOutput()) : `(nothing; see ${logFile})`;
  const kind = code === WRONG_USE ? 'invalid' : 'unavailable';
  throw new AppError('CHILD_FAILED', kind, `${name} did not start. What it last said:\n${said}`, { name, logFile });
};
