/** Which process a pid means. A pid alone is reused; with its start time and the boot it belongs to, it is not. Linux only (/proc). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessIdentity {
  pid: number;
  /** Clock ticks between boot and the start of the process (field 22 of /proc/<pid>/stat, proc(5)). */
  startTime: string;
  bootId: string;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

const bootId = (): string => read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';

/** State and start time of a process; undefined when there is none. The command name may hold blanks, so fields count from its ")". */
const statOf = (pid: number): { state: string; startTime: string } | undefined => {
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ');
  return fields?.[0] === undefined || fields[19] === undefined ? undefined : { state: fields[0], startTime: fields[19] };
};

/** Undefined when the process is gone. Where there is no /proc, start time and boot are empty and only the pid counts. */
export const identify = (pid: number): ProcessIdentity | undefined => {
  const stat = statOf(pid);
  if (stat) return { pid, startTime: stat.startTime, bootId: bootId() };
  if (process.platform === 'linux') return undefined;
  return signal(pid, 0) ? { pid, startTime: '', bootId: '' } : undefined;
};

/** Whether exactly this process still runs; a zombie, which only waits for its parent to notice, does not. */
export const isAlive = (identity: ProcessIdentity): boolean => {
  const now = identify(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.bootId === identity.bootId && statOf(identity.pid)?.state !== 'Z';
};

/** Sends a signal; false when there is no such process (or it is not ours). */
export const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
};

/** The processes that work in `directory` and run a program of this name. */
export const processesIn = (directory: string, program: string): ProcessIdentity[] => {
  const found: ProcessIdentity[] = [];
  for (const entry of process.platform === 'linux' ? readdirSync('/proc') : []) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || read(`/proc/${pid}/comm`)?.trim() !== program) continue;
    try {
      if (readlinkSync(`/proc/${pid}/cwd`) !== directory) continue;
    } catch {
      continue; // another user's, or gone
    }
    const identity = identify(pid);
    if (identity && isAlive(identity)) found.push(identity);
  }
  return found;
};

const POLL_MS = 20;

/** Resolves to false when one of them still runs after `timeoutMs`. They are not our children, so there is nothing to wait on but the clock. */
export const untilGone = async (identities: readonly ProcessIdentity[], timeoutMs: number): Promise<boolean> => {
  for (const giveUpAt = performance.now() + timeoutMs; identities.some(isAlive); await delay(POLL_MS)) {
    if (performance.now() > giveUpAt) return false;
  }
  return true;
};

/** Ends processes by ever harsher signals, `graceMs` apart. */
export const endProcesses = async (
  identities: readonly ProcessIdentity[],
  signals: readonly NodeJS.Signals[],
  graceMs = 8_000,
): Promise<void> => {
  for (const name of [...signals, 'SIGKILL' as const]) {
    for (const identity of identities) if (isAlive(identity)) signal(identity.pid, name);
    if (await untilGone(identities, graceMs)) return;
  }
};
