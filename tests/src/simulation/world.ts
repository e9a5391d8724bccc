/** One run: a log, engines, workers and a network, with what a scenario lets happen to them. The same scenario gives the same run, to the letter. */
import { AppError } from '@mandate/kernel';
import { decidePolicy, evolvePolicy, OPEN_POLICY, type Policy } from '@mandate/scheduling';
import { SimEngine, type Entry } from './engine.js';
import { GuardInvariants } from './guard-invariants.js';
import { Invariants, type Violation } from './invariants.js';
import { Log } from './log.js';
import { Network } from './network.js';
import { AGENTS, ENGINES, SECOND, type Happening, type PolicyChange, type Scenario, type WorkerSpec } from './scenario.js';
import type { SimGrant } from './scheduler.js';
import { Timeline, type Process } from './timeline.js';
import { SimWorker } from './worker.js';

export type Control = 'start' | 'cancel' | 'lease-lost';
/** A rule that is broken on purpose, to see that its invariant notices. */
export type Sabotage =
  'no-limits' | 'leak' | 'last-first' | 'two-writers' | 'deaf-to-cancel' | 'old-epochs' | 'no-wakes' | 'no-breakers' | 'no-budgets';

/** What the inbound stream keeps until it is acked. */
export type Inbound =
  | { kind: 'request'; id: string; request: Extract<Happening, { kind: 'request' }>['request'] }
  | { kind: 'cancel'; id: string }
  | { kind: 'result'; id: string; lease: string; stepId: string; attempt: number; outcome: 'completed' | 'failed' | 'fatal' };

export interface Outcome {
  violation: Violation | null;
  trace: string[];
  /** What happened in it, so that a run that tests nothing is noticed. */
  appends: number;
  /** Workers that were killed while they held slots. */
  killed: number;
}

const T0 = Date.parse('2026-01-05T09:00:00.000Z');
const REDELIVERED_AFTER_MS = 5 * SECOND;
/** The longest deadline, and what comes after it. */
const LONGEST_MS = 12 * 60 * SECOND;
const QUIET_MS = 20 * SECOND;

export class World {
  readonly timeline = new Timeline(T0);
  readonly network: Network;
  readonly invariants: Invariants;
  readonly guards: GuardInvariants;
  readonly log: Log;
  readonly engines: SimEngine[];
  readonly workers: SimWorker[];
  policy: Policy = OPEN_POLICY;
  private readonly lines: string[] = [];
  private readonly canceledAt = new Map<string, number>();
  private readonly wanted = new Set<string>();
  private appends = 0;
  private killed = 0;
  private published = 0;

  constructor(
    private readonly scenario: Scenario,
    readonly sabotage: Sabotage | null,
    private readonly traced: boolean,
  ) {
    this.network = new Network(this.timeline, scenario, T0);
    this.invariants = new Invariants(scenario.workers, T0, this.canceledAt);
    this.guards = new GuardInvariants(this.invariants);
    this.policyWas(T0);
    const checks = { writers: sabotage !== 'two-writers', scheduler: sabotage !== 'old-epochs' };
    this.log = new Log((append, before) => {
      this.appends++;
      this.invariants.appended(this.log, append, before);
      this.guards.appended(append);
      for (const { type, at } of append.events) if (type === 'canceled') this.canceledAt.set(append.id, at);
    }, checks);
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
      while (!this.invariants.violation && this.timeline.step(T0 + this.scenario.calmAt + LONGEST_MS)) {
        if (!this.isOver()) quietSince = null;
        else if (this.timeline.now - (quietSince ??= this.timeline.now) > QUIET_MS) break;
      }
      if (!this.invariants.violation) this.invariants.ended(this.log, Math.max(...this.engines.map((engine) => engine.slotsCounted)));
    } catch (error) {
      this.invariants.fail('crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    return { violation: this.invariants.violation, trace: this.lines, appends: this.appends, killed: this.killed };
  }

  private isOver(): boolean {
    if (this.timeline.now < T0 + this.scenario.calmAt || this.wanted.size > 0) return false;
    for (const { state } of this.log.streams.values()) if (state.status === 'active') return false;
    return true;
  }

  private happen(happening: Happening): void {
    if (happening.kind !== 'policy' || happening.at < this.scenario.calmAt) this.trace(() => describe(happening));
    switch (happening.kind) {
      case 'request':
        this.wanted.add(happening.id);
        return this.publish({ kind: 'request', id: happening.id, request: happening.request });
      case 'cancel':
        return this.publish({ kind: 'cancel', id: happening.id });
      case 'policy':
        return this.change(happening.change);
      case 'cut':
        return this.network.cut(happening.who, happening.other, happening.forMs);
      case 'crash':
        return this.crash(happening.who, happening.forMs);
    }
  }

  private crash(who: string, forMs: number): void {
    if ([...this.log.slots.values()].some(({ instance }) => instance === who)) this.killed++;
    this.workers.find(({ spec }) => spec.instance === who)?.crash(forMs);
    const engine = this.engines.find(({ name }) => name === who);
    if (!engine?.alive) return;
    engine.crash();
    this.timeline.after(forMs, () => engine.start());
  }

  private policyWas(now: number): void {
    this.invariants.policyWas(this.policy, now);
    this.guards.policyWas(this.policy, now);
  }

  /** By an operator, or by the scheduler that leads. */
  change(change: PolicyChange): void {
    for (const event of decidePolicy({ ...change, by: 'olga', reason: '', now: this.timeline.now }, this.policy)) {
      this.policy = evolvePolicy(this.policy, event);
      if (event.type.startsWith('breaker')) this.trace(() => `${event.type} ${JSON.stringify(event.data)}`);
      this.policyWas(this.timeline.now);
      for (const engine of this.engines)
        this.timeline.after(1 + Math.floor(this.network.draw(`policy ${engine.name} ${event.at}`) * SECOND), () => {
          if (engine.alive) engine.policyChanged(event);
        });
    }
  }

  handOver(from: SimEngine, grant: SimGrant): void {
    if (from.owns(grant.delegationId)) return from.dispatcher.granted(grant);
    for (const engine of this.engines)
      if (engine !== from)
        this.network.send(from.name, engine.name, `grant ${grant.delegationId}/${grant.stepId}`, () => {
          if (engine.alive && engine.owns(grant.delegationId)) engine.dispatcher.granted(grant);
        });
  }

  /** Delivered to whoever owns the delegation, again and again until it is acked. */
  publish(message: Inbound): void {
    this.deliver(message, `${message.kind} ${message.id} ${this.published++}`, 0);
  }

  private deliver(message: Inbound, name: string, times: number): void {
    let done = false;
    this.timeline.after(this.network.latency(`${name} ${times}`), () => {
      const owner = this.engines.find((engine) => engine.alive && engine.owns(message.id) && !this.network.isCut(engine.name, 'bus'));
      owner?.tend(message.id, (entry) =>
        then(this.handled(owner, entry, message), () => {
          done = true;
          if (message.kind === 'request') this.wanted.delete(message.id);
        }),
      );
      this.timeline.after(owner ? REDELIVERED_AFTER_MS : SECOND, () => {
        if (!done) this.deliver(message, name, times + 1);
      });
    });
  }

  private handled(owner: SimEngine, entry: Entry, message: Inbound): Process {
    const { now } = this.timeline;
    const { id } = message;
    if (message.kind === 'result') return owner.dispatcher.result(entry, message);
    if (message.kind === 'cancel') {
      if (this.sabotage === 'deaf-to-cancel') {
        this.canceledAt.set(id, now);
        return owner.commit(entry, [], []);
      }
      return owner.apply(entry, { type: 'cancel', by: 'ann', commandId: `cancel ${id}`, now });
    }
    const asked = { type: 'request' as const, id, principal: 'ann', request: message.request, reading: null, inherited: null };
    return owner.apply(entry, { ...asked, agents: AGENTS, threshold: 0.5, plannerAvailable: false, now });
  }
}

function* then(process: Process, done: () => void): Process {
  try {
    yield* process;
  } catch (error) {
    if (!(error instanceof AppError)) throw error; // a refusal settles the message, too
  }
  done();
}

const describe = (happening: Happening): string => {
  switch (happening.kind) {
    case 'request':
      return `asks ${happening.id} ${JSON.stringify(happening.request)}`;
    case 'cancel':
      return `cancels ${happening.id}`;
    case 'policy':
      return `policy ${JSON.stringify(happening.change)}`;
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
