/** Keeps a list of servers running: started in order, restarted with backoff when they die, stopped in reverse. */
import { AppError } from '@mandate/kernel';
import type { Exit, Running } from './child.js';
import { signal } from './identity.js';
import { PidFiles } from './pid-files.js';

export interface Supervised<R extends Running = Running> {
  readonly name: string;
  /** What an orphan of it is ended with. */
  readonly stopSignals: readonly NodeJS.Signals[];
  /** Starts it and resolves when it is healthy. `onSpawn` must be called as soon as there is a pid. */
  start(onSpawn: (pid: number) => void): Promise<R>;
}

export type SupervisorEvent =
  | { type: 'orphans-ended'; names: readonly string[] }
  | { type: 'started'; name: string; running: Running; restarts: number }
  | { type: 'died'; name: string; exit: Exit; retryInMs: number }
  | { type: 'start-failed'; name: string; error: unknown; retryInMs: number };

export interface SupervisorOptions {
  /** Where the pid files lie. */
  runDir: string;
  onEvent?: (event: SupervisorEvent) => void;
  firstBackoffMs?: number;
  maxBackoffMs?: number;
  /** Whoever lived this long starts again with the first backoff. */
  healthyAfterMs?: number;
}

interface Member {
  readonly service: Supervised;
  readonly order: number;
  running: Running | undefined;
  /** While it starts: settles with that start, which `stop` cuts short through `pid`. */
  launching: Promise<unknown> | undefined;
  pid: number | undefined;
  /** Resolves at the next time it is healthy. */
  healthy: Promise<void>;
  markHealthy: () => void;
  failures: number;
  restarts: number;
}

export class Supervisor {
  private readonly members: Member[] = [];
  private readonly pids: PidFiles;
  private readonly keepers = new Map<Member, Promise<void>>();
  private readonly stopped: Promise<void>;
  private markStopped: () => void = () => undefined;
  private stopping = false;

  constructor(private readonly options: SupervisorOptions) {
    this.pids = new PidFiles(options.runDir);
    this.stopped = new Promise((resolve) => (this.markStopped = resolve));
  }

  /** Ends what an earlier supervisor, killed before it could, left behind. To be called before the first `start`. */
  async endOrphans(): Promise<void> {
    const names = await this.pids.endOrphans();
    if (names.length > 0) this.emit({ type: 'orphans-ended', names });
  }

  /**
   * Starts a server after those started before it, and keeps it running from then on: its restarts never give up, and each waits
   * until the servers before it are healthy. Throws what the first start threw, or AppError `STOPPING`; then it is not kept.
   */
  async start<R extends Running>(service: Supervised<R>): Promise<R> {
    const member: Member = {
      service,
      order: this.members.length,
      running: undefined,
      launching: undefined,
      pid: undefined,
      healthy: Promise.resolve(),
      markHealthy: () => undefined,
      failures: 0,
      restarts: 0,
    };
    if (this.stopping) throw new AppError('STOPPING', 'unavailable', `${service.name} is not started any more`);
    this.members.push(member);
    const running = (await this.launch(member)) as R;
    this.keepers.set(member, this.keep(member));
    return running;
  }

  /** Stops all, last started first, and resolves when the last is gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.markStopped();
    for (const member of [...this.members].reverse()) {
      if (member.launching && member.pid) signal(member.pid, member.service.stopSignals[0] ?? 'SIGTERM');
      await member.launching?.catch(() => undefined); // it comes to its end first, so that nothing is missed
      await this.keepers.get(member);
      await member.running?.stop();
      await member.running?.exited;
      this.pids.remove(member.service.name);
    }
  }

  private emit(event: SupervisorEvent): void {
    this.options.onEvent?.(event);
  }

  private async launch(member: Member): Promise<Running> {
    const { name, stopSignals } = member.service;
    const launching = member.service.start((pid) => {
      member.pid = pid;
      this.pids.write(name, pid, member.order, stopSignals);
    });
    member.launching = launching;
    const running = await launching.finally(() => {
      member.launching = undefined;
      member.pid = undefined;
    });
    member.running = running;
    member.markHealthy();
    this.emit({ type: 'started', name, running, restarts: member.restarts });
    return running;
  }

  private async keep(member: Member): Promise<void> {
    while (!this.stopping) {
      const startedAt = performance.now();
      const exit = await Promise.race([(member.running as Running).exited, this.stopped]);
      if (this.stopping || !exit) return;
      member.running = undefined;
      member.healthy = new Promise((resolve) => (member.markHealthy = resolve));
      if (performance.now() - startedAt >= (this.options.healthyAfterMs ?? 10_000)) member.failures = 0;
      this.emit({ type: 'died', name: member.service.name, exit, retryInMs: this.backoffMs(member) });
      await this.restart(member);
    }
  }

  private async restart(member: Member): Promise<void> {
    while (!this.stopping && member.running === undefined) {
      await this.pause(this.backoffMs(member));
      member.failures += 1;
      await Promise.race([Promise.all(this.members.slice(0, member.order).map(({ healthy }) => healthy)), this.stopped]);
      if (this.stopping) return;
      member.restarts += 1;
      try {
        await this.launch(member);
      } catch (error) {
        this.emit({ type: 'start-failed', name: member.service.name, error, retryInMs: this.backoffMs(member) });
      }
    }
  }

  private backoffMs({ failures }: Member): number {
    const { firstBackoffMs = 100, maxBackoffMs = 5_000 } = this.options;
    return Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.min(failures, 20));
  }

  private async pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([new Promise<void>((resolve) => (timer = setTimeout(resolve, ms))), this.stopped]);
    clearTimeout(timer);
  }
}
