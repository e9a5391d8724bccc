/** Every error of the SDK has a stable `code`; what the engine said comes through unchanged. */
import type { Problem } from '@mandate/contracts';

export class MandateError extends Error {
  override readonly name: string = 'MandateError';

  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The engine answered with RFC 9457 problem details. */
export class ProblemError extends MandateError {
  override readonly name: string = 'ProblemError';

  constructor(readonly problem: Problem) {
    super(problem.code, problem.detail);
  }

  /** The same again may be answered differently: the engine was busy, limited or not there. */
  get isTransient(): boolean {
    return this.problem.status >= 500 || this.problem.status === 429;
  }
}

/** What a delegation that did not complete throws from `await handle`. */
export class DelegationEndedError extends MandateError {
  override readonly name: string = 'DelegationEndedError';

  constructor(
    readonly delegationId: string,
    code: string,
    message: string,
  ) {
    super(code, message);
  }
}

export class DelegationFailedError extends DelegationEndedError {
  override readonly name = 'DelegationFailedError';
}

export class CanceledError extends DelegationEndedError {
  override readonly name = 'CanceledError';
}

export class RejectedError extends DelegationEndedError {
  override readonly name = 'RejectedError';
}

/** Thrown by a handler: the attempt failed, another one may succeed. Any other error counts the same, with the code `HANDLER_FAILED`. */
export class RetryableError extends MandateError {
  override readonly name = 'RetryableError';
}

/** Thrown by a handler: no further attempt can succeed, the step fails for good. */
export class TerminalError extends MandateError {
  override readonly name = 'TerminalError';
}

/** `signal.reason` of an attempt that must end; the subclass says why. */
export class AttemptAbortedError extends MandateError {
  override readonly name: string = 'AttemptAbortedError';
}

/** The delegation was canceled: whatever the handler still returns is thrown away. */
export class AttemptCanceledError extends AttemptAbortedError {
  override readonly name = 'AttemptCanceledError';
}

/** The attempt was given up here and may already run elsewhere: stop having effects. */
export class LeaseLostError extends AttemptAbortedError {
  override readonly name = 'LeaseLostError';
}

/** The attempt's time is over. */
export class DeadlineExceededError extends AttemptAbortedError {
  override readonly name = 'DeadlineExceededError';
}

/** The worker stopped and its grace period is over. */
export class WorkerStoppedError extends AttemptAbortedError {
  override readonly name = 'WorkerStoppedError';
}
