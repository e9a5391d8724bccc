/** What must hold at every append, and at the end. */
import { isRunning, stepsOf, type Delegation, type Step } from '@mandate/delegation';
import { dimension, entryOf, type Allocator, type LimitKind, type Policy, type SlotHolder, type StepToPlace } from '@mandate/scheduling';
import type { Append, Log } from './log.js';
import { SECOND, type WorkerSpec } from './scenario.js';

export interface Violation {
  invariant:
    'limit' | 'leak' | 'starvation' | 'applied-twice' | 'cancel' | 'no-end' | 'begun-twice' | 'idle' | 'breaker' | 'retry-budget' | 'crash';
  detail: string;
}

/** `mayHoldRetries`: the retry budget may have been spent, so that retries were passed over. */
type Granted = StepToPlace & { urgency: number; mayHoldRetries: boolean };

/** A grant that was given under the limit of its moment is used this much later at most. */
const GRANT_LIFE_MS = 12 * SECOND;
/** A scheduler knows of who waits within a tick, and one that takes over once the lease of the one before has run out. */
const NOTICED_MS = 10 * SECOND;
/** A lane that stood still works off the grants of several epochs at once; a loop makes hundreds. */
const IDLE_A_SECOND = 100;

export class Invariants {
  violation: Violation | null = null;
  private readonly policies: { from: number; policy: Policy }[] = [];
  private readonly succeeded = new Set<string>();
  private readonly idle = new Map<string, number>();
  private readonly begun = new Set<string>();

  constructor(
    private readonly workers: readonly WorkerSpec[],
    private readonly startedAt: number,
    private readonly canceledAt: ReadonlyMap<string, number>,
  ) {}

  policyWas(policy: Policy, now: number): void {
    this.policies.push({ from: now, policy });
  }

  fail(invariant: Violation['invariant'], detail: string): void {
    this.violation ??= { invariant, detail };
  }

  appended(log: Log, append: Append, before: Delegation): void {
    const { id, events, now } = append;
    if (events.length === 0 && append.waitingAdd.length === 0) this.checkIdle(id, now);
    for (const event of events) {
      if (event.type !== 'stepsucceeded') continue;
      const step = `${id}/${event.data.stepId}`;
      if (this.succeeded.has(step)) this.fail('applied-twice', `${step} succeeded twice`);
      this.succeeded.add(step);
    }
    if (before.status !== 'active' && before.status !== 'absent' && events.length > 0)
      this.fail('cancel', `${id} was ${before.status}, and then ${events.map(({ type }) => type).join(', ')}`);
    for (const slot of append.acquire) {
      this.checkLimits(log, slot, now);
    }
  }

  /** Appends that change nothing are for messages that change nothing, not for a loop that finds nothing to do. */
  private checkIdle(id: string, now: number): void {
    const second = `${id} ${Math.floor(now / SECOND)}`;
    const times = (this.idle.get(second) ?? 0) + 1;
    this.idle.set(second, times);
    if (times > IDLE_A_SECOND) this.fail('idle', `${times} appends of ${id} within a second that changed nothing`);
  }

  private checkLimits(log: Log, slot: SlotHolder, now: number): void {
    const running = (fits: (other: SlotHolder) => boolean): number => [...log.slots.values()].filter(fits).length;
    const check = (kind: LimitKind, name: string | null, fits: (other: SlotHolder) => boolean): void => {
      const max = name === null ? Infinity : this.allowed(kind, name, now);
      if (running(fits) > max) this.fail('limit', `${running(fits)} run under ${dimension(kind, name ?? '')}, which allows ${max}`);
    };
    check('tenant', '', () => true);
    check('capability', slot.capability, (other) => other.capability === slot.capability);
    check('worker', slot.instance, (other) => other.instance === slot.instance);
    check('key', slot.key, (other) => other.key === slot.key);
    const size = this.workers.find(({ instance }) => instance === slot.instance)?.capabilities[slot.capability]?.concurrency ?? 0;
    const held = running((other) => other.instance === slot.instance && other.capability === slot.capability);
    if (held > size) this.fail('limit', `${slot.instance} has ${held} of ${size} ${slot.capability}`);
  }

  /** The widest that the limit was while a grant of now may have been given. */
  private allowed(kind: LimitKind, name: string, now: number): number {
    const valid = this.policies.filter((_, i) => (this.policies[i + 1]?.from ?? Infinity) > now - GRANT_LIFE_MS);
    return Math.max(...valid.map(({ policy }) => entryOf(policy.limits, kind, name) ?? Infinity));
  }

  /** Nobody who waits for the same capability, has no slot and is not held up by a limit of its own key, or as a retry, is passed over by one less urgent. */
  granted(log: Log, { occupancy }: Allocator, step: Granted, policy: Policy, now: number): void {
    const name = (other: { delegationId: string; stepId: string }): string => `${other.delegationId}/${other.stepId}`;
    const placed = new Set(occupancy.holdersOf(step.tenant, dimension('capability', step.capability), Infinity).map(name));
    for (const other of log.waiting.values()) {
      if (
        other.capability !== step.capability ||
        other.urgency >= step.urgency ||
        now - other.since < NOTICED_MS ||
        placed.has(name(other))
      )
        continue;
      if (other.reason === 'retry' && step.mayHoldRetries) continue;
      if (other.key !== null && entryOf(policy.limits, 'key', other.key) !== undefined) continue;
      this.fail('starvation', `${name(other)} waits since ${other.since - this.startedAt}, and ${name(step)} goes first`);
    }
  }

  /** A worker begins what must not be done twice. */
  begins(delegationId: string, stepId: string): void {
    const step = `${delegationId}/${stepId}`;
    if (this.begun.has(step)) this.fail('begun-twice', `${step} is at most once, and began twice`);
    this.begun.add(step);
  }

  ended(log: Log, running: number): void {
    for (const [id, { state }] of log.streams) {
      if (state.status === 'active') this.fail('no-end', `${id}: ${stepsOf(state).map(textOf).join(', ')}`);
      const canceledAt = this.canceledAt.get(id);
      if (canceledAt !== undefined && 'endedAt' in state && state.status !== 'canceled' && state.endedAt > canceledAt)
        this.fail(
          'cancel',
          `${id} was canceled at ${canceledAt - this.startedAt}, and ${state.status} at ${state.endedAt - this.startedAt}`,
        );
    }
    if (log.slots.size > 0) this.fail('leak', `slots that nobody holds: ${[...log.slots.keys()].join(', ')}`);
    if (log.waiting.size > 0) this.fail('leak', `steps that wait for nothing: ${[...log.waiting.keys()].join(', ')}`);
    if (running > 0) this.fail('leak', `the scheduler counts ${running} slots, nothing runs`);
  }
}

const textOf = (step: Step): string => `${step.plan.id} ${step.phase.status}${isRunning(step) ? ` at ${step.instance ?? ''}` : ''}`;
