/** One run: a log, engines, workers, people and a network, with what a scenario lets happen to them. The same scenario gives the same run, to the letter. */
import type { Delegation, DelegationEvent } from '@mandate/delegation';
import { SimBus } from './bus.js';
import { SimEngine } from './engine.js';
import { Invariants, type Violation } from './invariants.js';
import { Log, type Append } from './log.js';
import { Network } from './network.js';
import { People, REQUESTER } from './people.js';
import { SimPolicies } from './policies.js';
import { ENGINES, SECOND, T0, type Habits, type Happening, type PolicyChange, type Scenario, type WorkerSpec } from './scenario.js';
import type { Sabotage } from './sabotage.js';
import type { SimGrant } from './scheduler.js';
import { Timeline } from './timeline.js';
import { SimWorker } from './worker.js';

export type Control = 'start' | 'cancel' | 'lease-lost';
export interface Outcome {
  violation: Violation | null;
  trace: string[];
  /** What happened in it, so that a run that tests nothing is noticed. */
  appends: number;
  /** Workers that were killed while they held slots. */
  killed: number;
}

/** The longest that anything can take, and what comes after it. */
const LONGEST_MS = 3_600 * SECOND;
const QUIET_MS = 20 * SECOND;

export class World {
  readonly timeline = new Timeline(T0);
  readonly network: Network;
  readonly invariants: Invariants;
  readonly log: Log;
  readonly bus: SimBus;
  readonly policies = new SimPolicies();
  readonly engines: SimEngine[];
  readonly workers: SimWorker[];
  readonly capacity: number;
  readonly habits: Habits;
  private readonly people: People;
  private readonly lines: string[] = [];
  private readonly endsAt: number;
  private appends = 0;
  private killed = 0;

  constructor(
    private readonly scenario: Scenario,
    readonly sabotage: Sabotage | null,
    private readonly traced: boolean,
  ) {
    this.capacity = scenario.capacity ?? Infinity;
    this.habits = scenario.habits;
    this.endsAt = T0 + Math.max(scenario.calmAt, ...scenario.happenings.map(({ at }) => at));
    this.network = new Network(this.timeline, scenario, T0);
    this.bus = new SimBus(this);
    this.people = new People(this, scenario.habits.difficult);
    this.invariants = new Invariants(this, scenario);
    const checks = { writers: sabotage !== 'two-writers', scheduler: sabotage !== 'old-epochs' };
    this.log = new Log((append, before, after) => this.appended(append, before, after), checks);
    this.engines = ENGINES.map((name) => new SimEngine(this, name));
    this.workers = scenario.workers.map((spec) => new SimWorker(this, spec));
    for (const engine of this.engines) engine.start();
    for (const happening of scenario.happenings) this.timeline.at(T0 + happening.at, () => this.happen(happening));
  }

  trace(line: () => string): void {
    if (this.traced) this.lines.push(`${((this.timeline.now - T0) / SECOND).toFixed(3).padStart(8)} ${line()}`);
  }

  specOf(instance: string): WorkerSpec | undefined {
    return this.scenario.workers.find((spec) => spec.instance === instance);
  }

  run(): Outcome {
    let quietSince: number | null = null;
    try {
      while (!this.invariants.violation && this.timeline.step(this.endsAt + LONGEST_MS)) {
        if (!this.isOver()) quietSince = null;
        else if (this.timeline.now - (quietSince ??= this.timeline.now) > QUIET_MS) break;
      }
      if (!this.invariants.violation) this.invariants.ended(Math.max(...this.engines.map((engine) => engine.slotsCounted)));
    } catch (error) {
      this.invariants.fail('crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    return { violation: this.invariants.violation, trace: this.lines, appends: this.appends, killed: this.killed };
  }

  private isOver(): boolean {
    return this.timeline.now >= this.endsAt && this.bus.unsettled === 0 && this.log.open === 0;
  }

  private appended(append: Append, before: Delegation, after: Delegation): void {
    this.appends++;
    this.invariants.appended({ log: this.log, append, before, after });
    append.events.forEach((event, i) => {
      this.people.saw(append.id, event);
      this.cancelTree(append, event, i);
    });
  }

  /** The follower of the log that cancels children whose parents need them no more: late, and sometimes twice. */
  private cancelTree({ id, expected }: Append, { data }: DelegationEvent, i: number): void {
    if (!('cancels' in data) || this.sabotage === 'orphans') return;
    for (const child of data.cancels) {
      const commandId = `cancel ${id}@${expected + i} ${child}`;
      const steer = { type: 'cancel' as const, by: 'mandate', commandId };
      this.bus.publish({ kind: 'command', id: child, steer }, this.network.latency(`follow ${commandId}`));
      if (this.network.draw(`twice ${commandId}`) < 0.1) this.bus.publish({ kind: 'command', id: child, steer }, SECOND);
    }
  }

  /** Seam for rules that are broken on purpose. */
  decided(events: DelegationEvent[]): DelegationEvent[] {
    if (this.sabotage !== 'undo-forwards') return events;
    return events.map((event) =>
      event.type === 'compensating' ? { ...event, data: { ...event.data, undo: [...event.data.undo].reverse() } } : event,
    );
  }

  private happen(happening: Happening): void {
    this.trace(() => describe(happening));
    switch (happening.kind) {
      case 'request':
        return this.bus.publish({ kind: 'request', id: happening.id, request: happening.request, by: REQUESTER });
      case 'cancel': {
        const { id } = happening;
        this.invariants.cancelAsked(id);
        const steer = { type: 'cancel' as const, by: REQUESTER, commandId: `cancel ${id}` };
        return this.bus.publish({ kind: 'command', id, steer }, this.sabotage === 'slow-to-cancel' ? 6 * SECOND : 0);
      }
      case 'policy':
        return this.change(happening.tenant, happening.change);
      case 'cut':
        return this.cut(happening.who, happening.other, happening.forMs);
      case 'crash':
        return this.crash(happening.who, happening.forMs);
    }
  }

  private cut(who: string, other: string, forMs: number): void {
    this.network.cut(who, other, forMs);
    const engine = this.engines.find(({ name }) => name === who);
    // Who comes back to the bus reads what it may have missed.
    if (engine && other === 'bus')
      this.timeline.after(forMs + 1, () => {
        if (!this.network.isCut(who, 'bus')) for (const tenant of this.policies.tenants) engine.catchUp(tenant);
      });
  }

  private crash(who: string, forMs: number): void {
    if ([...this.log.slots.values()].some(({ instance }) => instance === who)) this.killed++;
    this.workers.find(({ spec }) => spec.instance === who)?.crash(forMs);
    const engine = this.engines.find(({ name }) => name === who);
    if (!engine?.alive) return;
    engine.crash();
    this.timeline.after(forMs, () => engine.start());
  }

  /** By an operator, or by the scheduler that leads. */
  change(tenant: string, change: PolicyChange): void {
    const { now } = this.timeline;
    const known = this.policies.versionOf(tenant);
    if (!this.policies.change(tenant, change, now)) return;
    for (const { type, data } of this.policies.after(tenant, known))
      if (type.startsWith('breaker')) this.trace(() => `${type} of ${tenant} ${JSON.stringify(data)}`);
    for (const engine of this.engines)
      this.timeline.after(1 + Math.floor(this.network.draw(`policy ${engine.name} ${now}`) * SECOND), () => {
        if (!this.network.isCut(engine.name, 'bus')) engine.catchUp(tenant);
      });
  }

  handOver(from: SimEngine, grant: SimGrant): void {
    if (from.owns(grant.delegationId)) return from.dispatcher.granted(grant);
    for (const engine of this.engines)
      if (engine !== from)
        this.network.send(from.name, engine.name, `grant ${grant.delegationId}/${grant.stepId}`, () => {
          if (engine.alive && engine.owns(grant.delegationId)) engine.dispatcher.granted(grant);
        });
  }
}

const describe = (happening: Happening): string => {
  switch (happening.kind) {
    case 'request':
      return `asks ${happening.id} ${JSON.stringify(happening.request)}`;
    case 'cancel':
      return `cancels ${happening.id}`;
    case 'policy':
      return `policy of ${happening.tenant} ${JSON.stringify(happening.change)}`;
    case 'crash':
      return `${happening.who} crashes for ${happening.forMs} ms`;
    case 'cut':
      return `${happening.who} is cut off from ${happening.other} for ${happening.forMs} ms`;
  }
};

export const simulate = (
  scenario: Scenario,
  { sabotage = null, traced = false }: { sabotage?: Sabotage | null; traced?: boolean } = {},
): Outcome => new World(scenario, sabotage, traced).run();
