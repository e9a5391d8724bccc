/** What breakers conclude from: the outcomes of the window, and the attempts that a half-open one has let through. Gone with the scheduler that led. */
import {
  breakerBlock,
  breakerName,
  breakerRuleOf,
  capabilityBreaker,
  isTripped,
  workerBreaker,
  type BreakerBlock,
  type BreakerTarget,
} from './breaker.js';
import type { BreakerVerdict, Guards } from './guards.js';
import type { Occupancy, SlotHolder } from './occupancy.js';
import { RollingCount } from './rolling-count.js';

/**
 * How an attempt ended. `failed`: with an error or a time-out that another attempt may be spared; `lost`: with its worker. An error that is final by
 * what the worker says is its answer, and as good as any other.
 */
export interface AttemptOutcome extends SlotHolder {
  result: 'succeeded' | 'failed' | 'lost';
}

interface Window {
  ms: number;
  ended: RollingCount;
  failures: RollingCount;
}

interface Probes {
  running: SlotHolder[];
  succeeded: number;
}

const SLOTS = 12;

export class BreakerCounts {
  private readonly windows = new Map<string, Window>();
  private readonly probes = new Map<string, Probes>();

  /** What keeps an attempt from a capability, or a worker for it. */
  blockOf(tenant: string, target: BreakerTarget, guards: Guards, occupancy: Occupancy): BreakerBlock | null {
    if (guards.breakers.size === 0) return null;
    const breaker = guards.breakers.get(breakerName(target));
    if (!breaker) return null;
    if (breaker.state === 'open') return breakerBlock(breaker);
    const probes = this.probes.get(keyOf(tenant, target));
    if (!probes) return null;
    // Whatever freed the slot of a probe, and whether or not its outcome was heard of, it is through.
    probes.running = probes.running.filter((holder) => occupancy.has(holder));
    const { probes: allowed } = breakerRuleOf(guards.breakerRules, target);
    return probes.running.length + probes.succeeded < allowed ? null : breakerBlock(breaker);
  }

  /** An attempt got its slot: it is a probe of what is half open. */
  granted(holder: SlotHolder, guards: Guards): void {
    if (guards.breakers.size === 0) return;
    for (const target of targetsOf(holder)) {
      if (guards.breakers.get(breakerName(target))?.state !== 'half-open') continue;
      const key = keyOf(holder.tenant, target);
      const probes = this.probes.get(key) ?? { running: [], succeeded: 0 };
      probes.running.push(holder);
      this.probes.set(key, probes);
    }
  }

  /** What follows from the end of an attempt. */
  ended(outcome: AttemptOutcome, guards: Guards, now: number): BreakerVerdict[] {
    return targetsOf(outcome).flatMap((target) => {
      const breaker = guards.breakers.get(breakerName(target));
      if (!breaker) return this.counted(target, outcome, guards, now);
      return breaker.state === 'half-open' ? this.probed(target, outcome, guards) : [];
    });
  }

  private counted(target: BreakerTarget, { tenant, result }: AttemptOutcome, guards: Guards, now: number): BreakerVerdict[] {
    const rule = breakerRuleOf(guards.breakerRules, target);
    const window = this.windowOf(keyOf(tenant, target), rule.windowMs);
    window.ended.add(now);
    if (result === 'succeeded') return [];
    window.failures.add(now);
    const [failures, volume] = [window.failures.total(now), window.ended.total(now)];
    if (!isTripped(rule, failures, volume)) return [];
    return [{ type: 'trip-breaker', ...target, from: 'closed', failures, volume, windowMs: rule.windowMs }];
  }

  private probed(target: BreakerTarget, outcome: AttemptOutcome, guards: Guards): BreakerVerdict[] {
    const probes = this.probes.get(keyOf(outcome.tenant, target));
    const probe = probes?.running.find((holder) => isSame(holder, outcome));
    if (!probes || !probe) return []; // begun before it opened
    probes.running = probes.running.filter((holder) => holder !== probe);
    const { probes: wanted, windowMs } = breakerRuleOf(guards.breakerRules, target);
    if (outcome.result !== 'succeeded') return [{ type: 'trip-breaker', ...target, from: 'half-open', failures: 1, volume: 1, windowMs }];
    probes.succeeded++;
    return probes.succeeded >= wanted ? [{ type: 'close-breaker', ...target, cause: 'probes' }] : [];
  }

  /** It opened, is half open or is closed: what was counted for its state before says nothing any more. */
  changed(tenant: string, target: BreakerTarget): void {
    this.windows.delete(keyOf(tenant, target));
    this.probes.delete(keyOf(tenant, target));
  }

  /** Windows in which nothing happened are forgotten. */
  sweep(now: number): void {
    for (const [key, { ended }] of this.windows) if (ended.total(now) === 0) this.windows.delete(key);
  }

  private windowOf(key: string, ms: number): Window {
    const known = this.windows.get(key);
    if (known?.ms === ms) return known;
    const window = { ms, ended: new RollingCount(SLOTS, ms / SLOTS), failures: new RollingCount(SLOTS, ms / SLOTS) };
    this.windows.set(key, window);
    return window;
  }
}

const targetsOf = ({ instance, capability }: SlotHolder): BreakerTarget[] => [
  capabilityBreaker(capability),
  workerBreaker(instance, capability),
];

const keyOf = (tenant: string, target: BreakerTarget): string => `${tenant}|${breakerName(target)}`;

const isSame = (a: SlotHolder, b: SlotHolder): boolean =>
  a.delegationId === b.delegationId && a.stepId === b.stepId && a.attempt === b.attempt && a.lease === b.lease;
