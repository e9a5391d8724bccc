/** Offers, leases and results, as the engine's dispatcher has them, over virtual time. */
import type { StepResult } from '@mandate/contracts';
import { isRunning, stepsOf, type Delegation, type DelegationEvent, type Step } from '@mandate/delegation';
import type { SimEngine } from './engine.js';
import { AGENTS, SECOND, tenantOf } from './scenario.js';
import type { Inbound, Report } from './bus.js';
import type { SimGrant } from './scheduler.js';
import type { Process } from './timeline.js';
import type { Control, World } from './world.js';
import type { Entry } from './writer.js';

export interface Attempt {
  lease: string;
  id: string;
  stepId: string;
  attempt: number;
  number: number;
  instance: string;
  capability: string;
  effects: Step['effects'];
  acceptedAt: number | null;
  started: boolean;
  extendedAt: number;
}

const LOST_AFTER_MS = 15 * SECOND;
const OFFER_TIMEOUT_MS = 2 * SECOND;

export class SimDispatcher {
  private readonly attempts = new Map<string, Attempt>();

  constructor(
    private readonly world: World,
    private readonly engine: SimEngine,
  ) {}

  keepOnly(mine: (id: string) => boolean): void {
    for (const [name, { id }] of this.attempts) if (!mine(id)) this.attempts.delete(name);
  }

  loaded({ id, state }: Entry): void {
    if (state.status !== 'active') return;
    for (const step of stepsOf(state)) if (isRunning(step) && !this.attempts.has(`${id}/${step.plan.id}`)) this.adopt(id, step);
  }

  private adopt(id: string, step: Step): void {
    const attempt = this.add(id, step);
    if (step.phase.status === 'started') {
      attempt.acceptedAt = this.world.timeline.now;
      attempt.started = true;
      if (attempt.effects === 'at-most-once') this.tell(attempt, 'start');
    } else this.engine.run(this.offerLater(attempt));
  }

  private *offerLater(attempt: Attempt): Process {
    yield 250;
    if (this.isKnown(attempt) && attempt.acceptedAt === null) yield* this.offer(attempt);
  }

  private add(id: string, step: Step): Attempt {
    const lease = `${id}/${step.plan.id}/${step.attempt}/${step.lease}`;
    const attempt = {
      lease,
      id,
      stepId: step.plan.id,
      attempt: step.attempt,
      number: step.lease,
      instance: step.instance ?? '',
      capability: step.capability,
      effects: step.effects,
      acceptedAt: null,
      started: false,
      extendedAt: this.world.timeline.now,
    };
    this.attempts.set(`${id}/${step.plan.id}`, attempt);
    return attempt;
  }

  committed({ id }: Entry, before: Delegation, after: Delegation, events: readonly DelegationEvent[]): void {
    for (const event of events)
      switch (event.type) {
        case 'stepdispatched': {
          const step = 'steps' in after ? after.steps[event.data.stepId] : undefined;
          if (step && isRunning(step) && step.lease === event.data.lease) this.engine.run(this.offer(this.add(id, step)));
          break;
        }
        case 'stepstarted':
          this.started(id, event.data.stepId, after);
          break;
        case 'stepretried':
          this.end(id, event.data.stepId, 'lease-lost');
          break;
        case 'stepsucceeded':
        case 'stepfailed':
        case 'inputrequired':
          this.attempts.delete(`${id}/${event.data.stepId}`);
          break;
        case 'compensating':
        case 'failed':
        case 'canceled':
          if (before.status === 'active') for (const { plan } of stepsOf(before)) this.end(id, plan.id, 'cancel');
          break;
        default:
      }
  }

  private started(id: string, stepId: string, after: Delegation): void {
    const attempt = this.attempts.get(`${id}/${stepId}`);
    if (!attempt) return;
    attempt.started = true;
    if (attempt.effects === 'at-most-once' && 'steps' in after && after.steps[stepId]?.phase.status === 'started')
      this.tell(attempt, 'start');
  }

  private end(id: string, stepId: string, type: Control): void {
    const attempt = this.attempts.get(`${id}/${stepId}`);
    if (attempt && this.attempts.delete(`${id}/${stepId}`)) this.tell(attempt, type);
  }

  /** Leases that nobody holds any more. */
  disown(instance: string, leases: ReadonlySet<string>): void {
    const current = new Set<string>();
    for (const [id, { state }] of this.world.log.streams)
      if ('steps' in state)
        for (const { plan, attempt, lease } of stepsOf(state).filter(isRunning)) current.add(`${id}/${plan.id}/${attempt}/${lease}`);
    for (const lease of leases) if (!current.has(lease)) this.tell({ instance, lease }, 'lease-lost');
  }

  private tell({ instance, lease }: Pick<Attempt, 'instance' | 'lease'>, type: Control): void {
    const worker = this.world.workers.find(({ spec }) => spec.instance === instance);
    if (worker) this.world.network.send(this.engine.name, instance, `${type} ${lease}`, () => worker.control(type, lease));
  }

  private isKnown(attempt: Attempt): boolean {
    return this.attempts.get(`${attempt.id}/${attempt.stepId}`) === attempt;
  }

  private *offer(attempt: Attempt): Process {
    const { network, timeline, workers } = this.world;
    const worker = workers.find(({ spec }) => spec.instance === attempt.instance);
    let accepted: boolean | undefined;
    network.send(this.engine.name, attempt.instance, `offer ${attempt.lease}`, () => {
      const answer = worker?.offered(attempt);
      if (answer !== undefined) network.send(attempt.instance, this.engine.name, `answer ${attempt.lease}`, () => (accepted ??= answer));
    });
    const until = timeline.now + OFFER_TIMEOUT_MS;
    while (accepted === undefined && timeline.now < until) yield 20;
    if (!this.isKnown(attempt)) return;
    if (accepted) return yield* this.accepted(attempt);
    if (accepted === undefined) {
      this.engine.suspect.add(attempt.instance);
      this.tell(attempt, 'lease-lost');
    }
    const reason = accepted === undefined ? 'no-answer' : 'declined';
    this.engine.tend(attempt.id, (entry) => this.offerElsewhere(entry, attempt, reason));
  }

  private *accepted(attempt: Attempt): Process {
    attempt.acceptedAt = attempt.extendedAt = this.world.timeline.now;
    if (attempt.effects !== 'at-most-once') yield 200;
    if (!attempt.started && this.isKnown(attempt)) this.engine.tend(attempt.id, (entry) => this.recordStart(entry, attempt));
  }

  private recordStart(entry: Entry, attempt: Attempt): Process | null {
    if (!isCurrent(entry, attempt)) return null;
    const { now } = this.world.timeline;
    return this.engine.writer.apply(entry, {
      type: 'accepted',
      stepId: attempt.stepId,
      attempt: attempt.attempt,
      acceptedAt: attempt.acceptedAt ?? now,
      now,
    });
  }

  private *offerElsewhere(entry: Entry, attempt: Attempt, reason: 'declined' | 'no-answer'): Process {
    if (!isCurrent(entry, attempt)) return;
    const { timeline } = this.world;
    const { id, stepId, capability, instance } = attempt;
    const key = 'concurrencyKey' in entry.state ? entry.state.concurrencyKey : null;
    const grant = yield* this.engine.scheduler.acquire({
      tenant: tenantOf(id),
      delegationId: id,
      stepId,
      attempt: attempt.attempt,
      lease: attempt.number + 1,
      capability,
      key,
      except: instance,
      priority: 0,
    });
    if (grant) {
      const { effects } = grant;
      return yield* this.engine.writer.apply(
        entry,
        { type: 'dispatch', stepId, instance: grant.instance, capability, effects, reason, now: timeline.now },
        [grant],
      );
    }
    const { attempt: number, number: lease } = attempt;
    yield* this.engine.writer.apply(entry, { type: 'not-accepted', stepId, attempt: number, lease, reason, now: timeline.now });
  }

  /** A grant of a waiting step came. */
  granted(grant: SimGrant): void {
    this.engine.tend(grant.delegationId, (entry) => this.engine.writer.dispatchWaiting(entry, grant));
  }

  heartbeat(instance: string, leases: ReadonlySet<string>, isFirst: boolean): void {
    const { timeline } = this.world;
    for (const attempt of this.attempts.values()) {
      if (attempt.instance !== instance) continue;
      if (leases.has(attempt.lease)) attempt.extendedAt = timeline.now;
      else if (isFirst && attempt.acceptedAt !== null)
        attempt.extendedAt = Math.min(attempt.extendedAt, timeline.now - LOST_AFTER_MS + 3 * SECOND);
    }
  }

  endLostLeases(): void {
    const { now } = this.world.timeline;
    for (const attempt of this.attempts.values()) {
      if (attempt.acceptedAt === null || now - attempt.extendedAt < LOST_AFTER_MS) continue;
      attempt.extendedAt = now;
      this.endLost(attempt);
    }
  }

  /** When one is quarantined, and every second. */
  takeAwayQuarantined(): void {
    for (const attempt of this.attempts.values()) {
      if (this.engine.policyOf(tenantOf(attempt.id)).workers[attempt.instance] !== 'quarantined') continue;
      this.tell(attempt, 'cancel');
      this.endLost(attempt);
    }
  }

  private endLost(attempt: Attempt): void {
    const { network, timeline } = this.world;
    this.engine.tend(attempt.id, (entry) => {
      if (!isCurrent(entry, attempt)) return null;
      const { now } = timeline;
      const jitter = network.draw(`lost ${attempt.lease}`);
      return this.engine.writer.apply(entry, {
        type: 'worker-lost',
        stepId: attempt.stepId,
        attempt: attempt.attempt,
        agents: AGENTS,
        jitter,
        now,
      });
    });
  }

  /** A result from the stream; done once its append is made. */
  *result(entry: Entry, { lease, stepId, attempt, outcome }: Extract<Inbound, { kind: 'result' }>): Process {
    const step = 'steps' in entry.state ? entry.state.steps[stepId] : undefined;
    const isLeased = lease === `${entry.id}/${stepId}/${step?.attempt ?? 0}/${step?.lease ?? 0}`;
    if (!step || !isLeased || entry.state.status !== 'active' || !isRunning(step)) return yield* this.engine.writer.commit(entry, [], []);
    const { network, timeline } = this.world;
    yield* this.engine.writer.apply(entry, {
      type: 'result',
      stepId,
      attempt,
      result: { leaseId: lease, usage: { tokens: 5 }, ...reportOf(outcome, lease) },
      output: { bytes: 2 },
      acceptedAt: this.attempts.get(`${entry.id}/${stepId}`)?.acceptedAt ?? null,
      agents: AGENTS,
      jitter: network.draw(`retry ${lease}`),
      now: timeline.now,
    });
  }
}

const reportOf = (outcome: Report, lease: string): Pick<StepResult, 'status' | 'output' | 'error' | 'question'> => {
  if (outcome === 'completed') return { status: 'completed', output: lease };
  if (outcome === 'asks') return { status: 'input_required', question: { id: `q ${lease}`, text: '?' } };
  return { status: 'failed', error: { code: 'BAD_DAY', message: '', retryable: outcome === 'failed' } };
};

const isCurrent = ({ state }: Entry, { stepId, attempt, number }: Attempt): boolean => {
  const step = state.status === 'active' ? state.steps[stepId] : undefined;
  return step !== undefined && isRunning(step) && step.attempt === attempt && step.lease === number;
};
