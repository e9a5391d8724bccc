/** One lease: from the accepted offer to the acked report. */
import type { StepUsage } from '@mandate/contracts';
import type { NatsConnection } from '@nats-io/transport-node';
import { AttemptAbortedError, AttemptCanceledError, DeadlineExceededError, LeaseLostError } from '../errors.js';
import type { Ask, DelegationHandle } from '../requester/handle.js';
import type { DelegateOptions } from '../requester/requester.js';
import { InputRequired, type Capability, type Task, type WorkContext } from './capability.js';
import { LeaseReports, type Report } from './lease-reports.js';
import type { ReceivedOffer } from './offer.js';
import { reportOfError, reportOfOutput } from './outcome.js';

export interface AttemptHost {
  connection: NatsConnection;
  heartbeat(): void;
  delegate<Result>(request: Ask, options: DelegateOptions): DelegationHandle<Result>;
}

/** setTimeout takes at most this many milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Attempt {
  /** Settles when the handler has returned, whatever became of the lease: only then its slot is free again. */
  readonly handled: Promise<void>;
  /** Settles when the worker's duty is done: reported and acked, or the lease is gone. Rejects when the connection closed for good. */
  readonly ended: Promise<void>;

  private readonly work = new AbortController();
  /** Aborts what is still to be reported: nobody wants it any more. */
  private readonly lease = new AbortController();
  private readonly reports: LeaseReports;
  private readonly begun: Promise<void>;
  private proceed: () => void = () => undefined;
  private started = false;
  private readonly deadline: NodeJS.Timeout;
  private used: StepUsage | undefined;

  constructor(
    readonly offer: ReceivedOffer,
    private readonly capability: Capability,
    private readonly host: AttemptHost,
  ) {
    this.reports = new LeaseReports(host.connection, offer, this.lease.signal);
    this.begun = new Promise((resolve) => (this.proceed = resolve));
    const overIn = Math.min(Math.max(offer.remainingMs, 0), LONGEST_TIMER_MS);
    this.deadline = setTimeout(() => this.abort(new DeadlineExceededError('DEADLINE_EXCEEDED', `not done by ${offer.deadline}`)), overIn);
    this.deadline.unref();
    const outcome = this.run();
    this.handled = outcome.then(() => undefined);
    this.ended = this.report(outcome);
    if (capability.effects !== 'at-most-once') this.begin();
  }

  /** Starts the handler; an at-most-once attempt waits for the engine's word. */
  begin(): void {
    this.started = true;
    this.proceed();
  }

  abort(reason: AttemptAbortedError): void {
    // What never began needs no report: its lease runs out, and the engine offers the step to another worker.
    if (reason instanceof AttemptCanceledError || reason instanceof LeaseLostError || !this.started) this.lease.abort(reason);
    this.work.abort(reason);
    this.proceed();
  }

  private async run(): Promise<Report> {
    await this.begun;
    try {
      this.work.signal.throwIfAborted();
      return reportOfOutput(await this.capability.handler(this.task(), this.context()));
    } catch (error) {
      return reportOfError(error, this.capability.effects ?? 'idempotent');
    }
  }

  private async report(outcome: Promise<Report>): Promise<void> {
    try {
      const report = await Promise.race([outcome, this.aborted()]);
      await this.reports.final(this.used && report.status !== 'input_required' ? { ...report, usage: this.used } : report);
    } catch (error) {
      if (!this.lease.signal.aborted) throw error;
    } finally {
      clearTimeout(this.deadline);
    }
  }

  /** The report of an attempt that is not waited for any longer. Rejects when none is wanted. */
  private aborted(): Promise<Report> {
    return new Promise((resolve, reject) => {
      this.lease.signal.addEventListener('abort', () => reject(this.lease.signal.reason as Error), { once: true });
      this.work.signal.addEventListener(
        'abort',
        () => resolve(reportOfError(this.work.signal.reason, this.capability.effects ?? 'idempotent')),
        {
          once: true,
        },
      );
    });
  }

  private task(): Task {
    const { delegationId, stepId, attempt, capability, goal, input, results, deadline } = this.offer;
    return { delegationId, stepId, attempt, capability, goal, input, results, deadline };
  }

  private context(): WorkContext {
    const { offer, host, reports } = this;
    const { delegationId, stepId, attempt, leaseId, results, answers = {}, traceparent } = offer;
    const stepKey = `${delegationId}/${stepId}`;
    return {
      signal: this.work.signal,
      stepKey,
      attemptKey: `${stepKey}/${attempt}`,
      results,
      answers,
      traceparent,
      progress: (value) => reports.progress(value),
      heartbeat: () => host.heartbeat(),
      usage: (used) => (this.used = addUsage(this.used, used)),
      ask: <Answer>(question: InputRequired['question']): Answer => {
        if (Object.hasOwn(answers, question.id)) return answers[question.id] as Answer;
        throw new InputRequired(question);
      },
      delegate: (request, options = {}) =>
        host.delegate(
          { ...request, parent: { delegationId, stepId, attempt, leaseId } },
          { ...(traceparent ? { traceparent } : {}), ...options },
        ),
    };
  }
}

const MICRO_USD = 1_000_000;

const addUsage = (before: StepUsage | undefined, more: StepUsage): StepUsage => {
  const tokens = (before?.tokens ?? 0) + (more.tokens ?? 0);
  const microUsd = Math.round(Number(before?.usd ?? 0) * MICRO_USD) + Math.round(Number(more.usd ?? 0) * MICRO_USD);
  return { ...(tokens ? { tokens } : {}), ...(microUsd ? { usd: (microUsd / MICRO_USD).toFixed(6).replace(/\.?0+$/, '') } : {}) };
};
