/** What a killed supervisor left running can be found again: one file a child, written the moment there is a pid. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endProcesses, identify, isAlive, type ProcessIdentity } from './identity.js';

interface Entry extends ProcessIdentity {
  /** Place in the order of the start; ended in reverse. */
  order: number;
  stopSignals: NodeJS.Signals[];
}

const SUFFIX = '.pid.json';

export class PidFiles {
  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  write(name: string, pid: number, order: number, stopSignals: readonly NodeJS.Signals[]): void {
    const identity = identify(pid);
    if (identity) writeFileSync(this.file(name), JSON.stringify({ ...identity, order, stopSignals }), { mode: 0o600 });
  }

  remove(name: string): void {
    rmSync(this.file(name), { force: true });
  }

  /** Ends what still runs from an earlier start, last started first, and answers the names. A pid that now is another process is left alone. */
  async endOrphans(graceMs?: number): Promise<string[]> {
    const entries = readdirSync(this.directory)
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => ({ name: file.slice(0, -SUFFIX.length), entry: this.read(file) }))
      .sort((a, b) => (b.entry?.order ?? 0) - (a.entry?.order ?? 0));
    const ended: string[] = [];
    for (const { name, entry } of entries) {
      if (entry && isAlive(entry)) {
        await endProcesses([entry], entry.stopSignals, graceMs);
        ended.push(name);
      }
      this.remove(name);
    }
    return ended;
  }

  private file(name: string): string {
    return join(this.directory, `${name}${SUFFIX}`);
  }

  private read(file: string): Entry | undefined {
    try {
      return JSON.parse(readFileSync(join(this.directory, file), 'utf8')) as Entry;
    } catch {
      return undefined; // cut short by a crash: then it names nobody
    }
  }
}
