/** Which server processes a run has started, so that none outlives it, whatever became of the process that started it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endProcesses, identify, isAlive, type ProcessIdentity } from '@mandate/embedded';

const ledger = (dir: string): string => join(dir, 'processes');

export const enterProcess = (dir: string, pid: number): void => {
  mkdirSync(ledger(dir), { recursive: true });
  const identity = identify(pid);
  if (identity) writeFileSync(join(ledger(dir), String(pid)), JSON.stringify(identity));
};

/** Ends what still runs. Resolves to how many that were. */
export const endEnteredProcesses = async (dir: string): Promise<number> => {
  mkdirSync(ledger(dir), { recursive: true });
  const entered = readdirSync(ledger(dir)).map((pid) => JSON.parse(readFileSync(join(ledger(dir), pid), 'utf8')) as ProcessIdentity);
  const alive = entered.filter(isAlive);
  await endProcesses(alive, ['SIGTERM'], 5_000);
  rmSync(ledger(dir), { recursive: true });
  return alive.length;
};
