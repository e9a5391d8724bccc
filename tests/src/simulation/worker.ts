/** A worker: takes offers, beats, reports over a stream that keeps what it took, and is sometimes gone or stubborn. */
import type { Attempt } from './dispatcher.js';
import { SECOND, type WorkerSpec } from './scenario.js';
import type { Process } from './timeline.js';
import type { Control, World } from './world.js';

interface Task {
  attempt: Attempt;
  begun: boolean;
}

export class SimWorker {
  private alive = true;
  private life = 0;
  private isNew = true;
  private readonly tasks = new Map<string, Task>();

  constructor(
    private readonly world: World,
    readonly spec: WorkerSpec,
  ) {
    this.start();
  }

  private start(): void {
    this.alive = true;
    this.isNew = true;
    this.run(this.beats());
  }

  private run(process: Process): void {
    const { life } = this;
    this.world.timeline.run(process, () => this.life === life);
  }

  crash(forMs: number): void {
    if (!this.alive) return;
    this.alive = false;
    this.life++;
    this.tasks.clear();
    this.world.timeline.after(forMs, () => this.start());
  }

  private *beats(): Process {
    for (;;) {
      this.beat();
      yield 5 * SECOND;
    }
  }

  private beat(): void {
    const { network, engines } = this.world;
    const { instance } = this.spec;
    const leases = new Set(this.tasks.keys());
    const isFirst = this.isNew;
    this.isNew = false;
    for (const engine of engines)
      network.send(instance, engine.name, 'beat', () => {
        if (engine.alive) engine.heard(instance, leases, isFirst);
      });
  }

  /** Undefined: nobody is there to answer. */
  offered(attempt: Attempt): boolean | undefined {
    if (!this.alive) return undefined;
    const { lease, capability, effects } = attempt;
    if (this.tasks.has(lease)) return true;
    const own = [...this.tasks.values()].filter((task) => task.attempt.capability === capability).length;
    if (own >= (this.spec.capabilities[capability]?.concurrency ?? 0)) return false;
    if (this.world.network.draw(`decline ${lease}`) < 0.05) return false;
    const task = { attempt, begun: false };
    this.tasks.set(lease, task);
    if (effects !== 'at-most-once') this.begin(task);
    return true;
  }

  control(type: Control, lease: string): void {
    const task = this.tasks.get(lease);
    if (!this.alive || !task) return;
    if (type === 'start') this.begin(task);
    else if (!this.spec.stubborn) this.tasks.delete(lease);
  }

  private begin(task: Task): void {
    if (task.begun) return;
    task.begun = true;
    const { id, stepId, effects } = task.attempt;
    if (effects === 'at-most-once') this.world.invariants.begins(id, stepId);
    this.run(this.work(task));
  }

  private *work({ attempt: { lease, id, stepId, attempt } }: Task): Process {
    const { network } = this.world;
    const draw = network.draw(`work ${lease}`);
    yield draw < 0.05 ? 60 * SECOND : Math.floor(50 + network.draw(`takes ${lease}`) * 8 * SECOND);
    if (!this.tasks.has(lease)) return;
    const outcome = draw < 0.85 ? 'completed' : draw < 0.97 ? 'failed' : 'fatal';
    while (network.isCut(this.spec.instance, 'bus')) yield 100;
    this.world.publish({ kind: 'result', id, lease, stepId, attempt, outcome });
    if (network.draw(`again ${lease}`) < 0.2) this.world.publish({ kind: 'result', id, lease, stepId, attempt, outcome });
    yield 5;
    this.tasks.delete(lease);
  }
}
