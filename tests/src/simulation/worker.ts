/** A worker: takes offers, beats, reports over a stream that keeps what it took, and is sometimes gone or stubborn. */
import type { Attempt } from './dispatcher.js';
import { CAPABILITIES, SECOND, tenantOf, type WorkerSpec } from './scenario.js';
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
    if (effects !== 'at-most-once' || this.world.sabotage === 'begins-early') this.begin(task);
    return true;
  }

  control(type: Control, lease: string): void {
    const task = this.tasks.get(lease);
    if (!this.alive || !task) return;
    if (type === 'start') this.begin(task);
    else if (!this.spec.stubborn || !task.begun) this.tasks.delete(lease);
  }

  private begin(task: Task): void {
    if (task.begun) return;
    task.begun = true;
    const { id, stepId, effects } = task.attempt;
    if (effects === 'at-most-once') this.world.invariants.begins(id, stepId);
    this.run(this.work(task));
  }

  private *work({ attempt: { lease, id, stepId, attempt } }: Task): Process {
    const { network, bus, habits } = this.world;
    if (network.draw(`delegates ${lease}`) < habits.delegates) this.delegate(id, stepId, attempt, lease);
    const draw = network.draw(`work ${lease}`);
    yield draw < 0.05 ? 60 * SECOND : Math.floor(50 + network.draw(`takes ${lease}`) * 8 * SECOND);
    if (!this.tasks.has(lease)) return;
    const asks = network.draw(`asks ${lease}`) < habits.asks;
    const outcome = asks ? 'asks' : draw < 0.85 ? 'completed' : draw < 0.97 ? 'failed' : 'fatal';
    while (network.isCut(this.spec.instance, 'bus')) yield 100;
    bus.publish({ kind: 'result', id, lease, stepId, attempt, outcome });
    if (network.draw(`again ${lease}`) < 0.2) bus.publish({ kind: 'result', id, lease, stepId, attempt, outcome });
    yield 5;
    this.tasks.delete(lease);
  }

  /** Asks for a child soon after it began, and does not wait for it. */
  private delegate(id: string, stepId: string, attempt: number, lease: string): void {
    const { network, bus } = this.world;
    const draw = (what: string): number => network.draw(`${what} ${lease}`);
    const childId = `${tenantOf(id)}${1_000 + Math.floor(draw('child') * 1e9)}`;
    const steps = ['a', 'b'].slice(0, draw('child steps') < 0.5 ? 1 : 2).map((step) => ({
      id: step,
      capability: CAPABILITIES[draw(`child ${step}`) < 0.5 ? 0 : 1],
      timeout: 'PT20S',
      ...(draw(`undo ${step}`) < 0.3 ? { compensate: { capability: CAPABILITIES[0] } } : {}),
    }));
    const budget = draw('child budget') < 0.3 ? { budget: { steps: 1 + Math.floor(draw('child allowance') * 5) } } : {};
    const request = {
      goal: 'g',
      steps,
      approval: 'never' as const,
      ...budget,
      parent: { delegationId: id, stepId, attempt, leaseId: lease },
    };
    bus.publish({ kind: 'request', id: childId, request, by: this.spec.instance }, draw('child in') * 2 * SECOND);
  }
}
