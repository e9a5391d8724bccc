/** What follows a commit outside of the log: attempts are offered to workers, and workers hear what became of their leases. */
import { isRunning, stepsOf, type Delegation, type DelegationEvent, type Step } from '@mandate/delegation';
import type { Keyring } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import { LOST_AFTER_MS, type AgentDirectory } from './agent-directory.js';
import type { RunningAttempt, RunningAttempts } from './attempts.js';
import { StaleGrantError, type DelegationWriter, type Entry, type Transition, type WriterListener } from './delegation-writer.js';
import type { Offers } from './offers.js';
import { leaseIdOf } from './leases.js';
import type { Scheduler } from './scheduler.js';
import { engineOrigin, type Tend } from './tending.js';

export interface DispatcherOptions {
  writer: () => DelegationWriter;
  scheduler: Scheduler;
  attempts: RunningAttempts;
  agents: AgentDirectory;
  offers: Offers;
  keyring: Keyring;
  clock: Clock;
  random: () => number;
  tend: Tend;
  lostTrack: (tenant: string, id: string) => void;
  isQuarantined: (tenant: string, instance: string) => boolean;
  /** The delegation needs attention at this time. */
  wakeAt: (tenant: string, id: string, at: number) => void;
}

/** An attempt that took longer than this gets its `stepstarted` at once; a quicker one gets it with its result, in one append. */
const STARTED_AFTER_MS = 200;
/** Results that are on their way already make an offer after a takeover needless. */
const ADOPTION_PAUSE_MS = 250;

export class Dispatcher implements WriterListener {
  private readonly accepted: { attempt: RunningAttempt; at: number }[] = [];

  constructor(private readonly options: DispatcherOptions) {}

  committed(entry: Entry, { before, after, events, wakeAt }: Transition): void {
    for (const event of events) this.follow(entry, before, after, event);
    if (wakeAt !== null) this.options.wakeAt(entry.tenant, entry.id, wakeAt);
  }

  loaded(entry: Entry): void {
    if (entry.state.status !== 'active') return;
    for (const step of stepsOf(entry.state))
      if (isRunning(step) && !this.options.attempts.ofStep(entry, step.plan.id)) this.adopt(entry, step);
  }

  lostTrack(tenant: string, id: string): void {
    this.options.lostTrack(tenant, id);
  }

  private follow(entry: Entry, before: Delegation, after: Delegation, event: DelegationEvent): void {
    switch (event.type) {
      case 'stepdispatched':
        return this.dispatch(entry, after, event.data.stepId, event.data.lease);
      case 'stepstarted':
        return this.started(entry, event.data.stepId, after);
      case 'stepretried':
        return this.end(entry, event.data.stepId, 'lease-lost', event.data.code);
      case 'stepsucceeded':
      case 'stepfailed':
      case 'inputrequired':
        this.options.attempts.remove(entry, event.data.stepId);
        return;
      case 'failed':
      case 'canceled':
      case 'compensating':
        if (before.status === 'active')
          for (const step of stepsOf(before)) this.end(entry, step.plan.id, 'cancel', 'code' in event.data ? event.data.code : 'CANCELED');
        return;
      default:
    }
  }

  private dispatch(entry: Entry, after: Delegation, stepId: string, lease: number): void {
    const step = 'steps' in after ? after.steps[stepId] : undefined;
    if (!step || !isRunning(step) || step.lease !== lease) return;
    const attempt = this.attemptOf(entry, step);
    this.options.attempts.add(attempt);
    void this.offer(attempt, after, entry.traceparent);
  }

  private attemptOf(entry: Entry, step: Step): RunningAttempt {
    return {
      leaseId: leaseIdOf(this.options.keyring, {
        tenant: entry.tenant,
        delegationId: entry.id,
        stepId: step.plan.id,
        attempt: step.attempt,
        lease: step.lease,
      }),
      tenant: entry.tenant,
      delegationId: entry.id,
      partition: entry.partition,
      stepId: step.plan.id,
      attempt: step.attempt,
      lease: step.lease,
      instance: step.instance ?? '',
      capability: step.capability,
      effects: step.effects,
      acceptedAt: null,
      started: false,
      extendedAt: this.options.clock.now(),
    };
  }

  /** Takes over an attempt that another engine, or this one before it restarted, dispatched. */
  private adopt(entry: Entry, step: Step): void {
    const { attempts, clock } = this.options;
    const attempt = this.attemptOf(entry, step);
    attempts.add(attempt);
    if (step.phase.status === 'started') {
      attempt.acceptedAt = clock.now();
      attempt.started = true;
      if (attempt.effects === 'at-most-once') this.tell(attempt, 'start');
      return;
    }
    const timer = setTimeout(() => {
      if (attempts.ofLease(attempt.leaseId) === attempt && attempt.acceptedAt === null)
        void this.offer(attempt, entry.state, entry.traceparent);
    }, ADOPTION_PAUSE_MS);
    timer.unref();
  }

  private async offer(attempt: RunningAttempt, state: Delegation, traceparent: string): Promise<void> {
    const { offers, attempts, agents, tend } = this.options;
    const outcome = await offers.offer(attempt, state, continueTrace(traceparent));
    if (attempts.ofLease(attempt.leaseId) !== attempt) return;
    if (outcome.accepted) return this.wasAccepted(attempt);
    const { reason } = outcome;
    if (reason === 'no-answer') {
      const agent = agents.find(attempt.tenant, attempt.instance);
      if (agent) agent.suspect = true;
      if (!outcome.absent) this.tell(attempt, 'lease-lost', 'the offer was not answered in time');
    }
    await tend(attempt.tenant, attempt.delegationId, (entry) => this.offerElsewhere(entry, attempt, reason));
  }

  private async wasAccepted(attempt: RunningAttempt): Promise<void> {
    const now = this.options.clock.now();
    attempt.acceptedAt = now;
    attempt.extendedAt = now;
    if (attempt.effects === 'at-most-once') await this.recordStart(attempt);
    else this.accepted.push({ attempt, at: now });
  }

  private recordStart(attempt: RunningAttempt): Promise<void> {
    const { clock, tend, writer } = this.options;
    const { stepId, acceptedAt } = attempt;
    return tend(attempt.tenant, attempt.delegationId, async (entry) => {
      if (!this.isCurrent(entry, attempt)) return;
      const now = clock.now();
      await writer().apply(
        entry,
        { type: 'accepted', stepId, attempt: attempt.attempt, acceptedAt: acceptedAt ?? now, now },
        engineOrigin(entry, attempt.instance),
      );
    });
  }

  private isCurrent({ state }: Entry, { stepId, attempt, lease }: RunningAttempt): boolean {
    const step = state.status === 'active' ? state.steps[stepId] : undefined;
    return step !== undefined && isRunning(step) && step.attempt === attempt && step.lease === lease;
  }

  /** A new lease of the same attempt for another worker, or back to those who wait. */
  private async offerElsewhere(entry: Entry, attempt: RunningAttempt, reason: 'declined' | 'no-answer'): Promise<void> {
    if (!this.isCurrent(entry, attempt)) return;
    const { scheduler, clock, writer } = this.options;
    const { tenant, delegationId, stepId, capability, instance } = attempt;
    const origin = engineOrigin(entry, instance);
    const grant = await scheduler.acquire({
      tenant,
      delegationId,
      stepId,
      attempt: attempt.attempt,
      lease: attempt.lease + 1,
      capability,
      key: 'concurrencyKey' in entry.state ? entry.state.concurrencyKey : null,
      except: instance,
    });
    try {
      if (grant) {
        // Whatever stood in for the step's own capability does so again.
        const command = { stepId, instance: grant.instance, capability, effects: grant.effects, reason, now: clock.now() };
        await writer().apply(entry, { type: 'dispatch', ...command }, origin, [grant]);
        return;
      }
    } catch (error) {
      if (!(error instanceof StaleGrantError)) throw error;
    }
    const { attempt: number, lease } = attempt;
    await writer().apply(entry, { type: 'not-accepted', stepId, attempt: number, lease, reason, now: clock.now() }, origin);
  }

  private started(entry: Entry, stepId: string, after: Delegation): void {
    const attempt = this.options.attempts.ofStep(entry, stepId);
    if (!attempt) return;
    attempt.started = true;
    if (attempt.effects === 'at-most-once' && 'steps' in after && after.steps[stepId]?.phase.status === 'started')
      this.tell(attempt, 'start');
  }

  private end(entry: Entry, stepId: string, type: 'lease-lost' | 'cancel', reason: string): void {
    const attempt = this.options.attempts.remove(entry, stepId);
    if (attempt) this.tell(attempt, type, reason);
  }

  private tell({ tenant, instance, leaseId }: RunningAttempt, type: 'start' | 'cancel' | 'lease-lost', reason?: string): void {
    this.options.offers.tell(tenant, instance, { type, leaseId, ...(reason === undefined ? {} : { reason }) });
  }

  /** Records that the attempts began that did not end at once. */
  recordStarts(): void {
    const due = this.options.clock.now() - STARTED_AFTER_MS;
    const count = this.accepted.findIndex(({ at }) => at > due);
    for (const { attempt } of this.accepted.splice(0, count < 0 ? this.accepted.length : count))
      if (!attempt.started && this.options.attempts.ofLease(attempt.leaseId) === attempt) void this.recordStart(attempt);
  }

  /** Ends the leases that no heartbeat extended. `isBehind`: results may still lie in the stream. */
  endLostLeases(isBehind: () => boolean): void {
    const { attempts, clock } = this.options;
    const now = clock.now();
    if (isBehind()) return;
    for (const attempt of attempts.all()) {
      if (attempt.acceptedAt === null || now - attempt.extendedAt < LOST_AFTER_MS) continue;
      attempt.extendedAt = now; // not again while this is under way
      void this.endLost(attempt);
    }
  }

  /**
   * Quarantined workers keep nothing: their leases end, and they are told to stop. Called when one is quarantined, and every second: a grant
   * may have been on its way then, or the attempt at another engine.
   */
  takeAwayQuarantined(): void {
    for (const attempt of this.options.attempts.all()) {
      if (!this.options.isQuarantined(attempt.tenant, attempt.instance)) continue;
      this.tell(attempt, 'cancel', 'the worker is quarantined');
      void this.endLost(attempt, true);
    }
  }

  private endLost(attempt: RunningAttempt, quarantined = false): Promise<void> {
    const { agents, clock, random, tend, writer } = this.options;
    return tend(attempt.tenant, attempt.delegationId, async (entry) => {
      if (!this.isCurrent(entry, attempt)) return;
      const command = {
        type: 'worker-lost' as const,
        stepId: attempt.stepId,
        attempt: attempt.attempt,
        quarantined,
        agents: agents.capabilities(attempt.tenant),
        jitter: random(),
        now: clock.now(),
      };
      await writer().apply(entry, command, engineOrigin(entry, attempt.instance));
    });
  }
}
