/** What must hold at every append and grant, and at the end. Each group of rules stands in a file of `rules/`. */
import type { Allocator, Policy, SlotHolder } from '@mandate/scheduling';
import type { Log } from './log.js';
import { Cancels } from './rules/cancels.js';
import { Ends } from './rules/ends.js';
import { Guards } from './rules/guards.js';
import { Limits } from './rules/limits.js';
import { Approvals } from './rules/people.js';
import type { Appended, Granted, Ground, Invariant, Rule } from './rules/rule.js';
import { Trees } from './rules/trees.js';
import { Turns } from './rules/turns.js';
import { Undoing } from './rules/undoing.js';
import { SECOND, T0, type Scenario, type WorkerSpec } from './scenario.js';
import type { World } from './world.js';

export interface Violation {
  invariant: Invariant;
  detail: string;
}

/** An engine that was cut off knows what it knew before; cuts last nine seconds at most, and then it reads again. */
const LAG_MS = 13 * SECOND;
/** News take a second, and what is read again is read with the next tick. */
const CALM_LAG_MS = 3 * SECOND;

export class Invariants implements Ground {
  violation: Violation | null = null;
  private readonly grants = new Map<string, { at: number; nth: number }>();
  private granting = 0;
  private readonly ends = new Ends(this);
  private readonly cancels = new Cancels(this);
  private readonly approvals = new Approvals(this);
  private readonly guards = new Guards(this);
  private readonly rules: readonly Rule[] = [
    this.ends,
    this.cancels,
    this.approvals,
    new Limits(this),
    new Turns(this),
    this.guards,
    new Trees(this),
    new Undoing(this),
  ];

  constructor(
    private readonly world: World,
    private readonly scenario: Scenario,
  ) {}

  get log(): Log {
    return this.world.log;
  }

  get now(): number {
    return this.world.timeline.now;
  }

  get workers(): readonly WorkerSpec[] {
    return this.scenario.workers;
  }

  get capacity(): number {
    return this.world.capacity;
  }

  get isCalm(): boolean {
    return this.now > T0 + this.scenario.calmAt + LAG_MS;
  }

  get lagMs(): number {
    return this.isCalm ? CALM_LAG_MS : LAG_MS;
  }

  policiesFor(tenant: string, at: number): Policy[] {
    const lag = at > T0 + this.scenario.calmAt + LAG_MS ? CALM_LAG_MS : LAG_MS;
    return this.world.policies.within(tenant, at - lag, at);
  }

  grantOf(holder: SlotHolder): { at: number; nth: number } {
    return this.grants.get(nameOf(holder)) ?? { at: this.now, nth: this.granting };
  }

  since(time: number): string {
    return `${((time - T0) / SECOND).toFixed(3)} s`;
  }

  readonly fail = (invariant: Invariant, detail: string): void => {
    this.violation ??= { invariant, detail };
  };

  granted(grant: Granted): void {
    this.grants.set(nameOf(grant.holder), { at: this.now, nth: this.granting++ });
    for (const rule of this.rules) rule.granted?.(grant);
  }

  appended(what: Appended): void {
    for (const rule of this.rules) rule.appended?.(what);
  }

  begins(delegationId: string, stepId: string): void {
    this.ends.begins(delegationId, stepId);
  }

  tookOver(allocator: Allocator): void {
    this.guards.tookOver(allocator);
  }

  cancelAsked(id: string): void {
    this.cancels.cancelAsked(id);
  }

  /** The digest or the question that whoever gives the command was shown. */
  shown(commandId: string, what: string): void {
    this.approvals.shown.set(commandId, what);
  }

  ended(counted: number): void {
    for (const rule of this.rules) rule.ended?.(counted);
  }
}

const nameOf = ({ delegationId, stepId, attempt, lease, instance }: SlotHolder): string =>
  `${delegationId}/${stepId}/${attempt}.${lease}/${instance}`;
