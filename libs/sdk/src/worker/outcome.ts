/** What a handler's end means to the engine. */
import { OUTPUT_LIMIT_BYTES, type Effects, type StepError } from '@mandate/contracts/wire';
import type { JsonValue } from '@mandate/kernel';
import { AttemptAbortedError, MandateError, TerminalError, WorkerStoppedError } from '../errors.js';
import { encodeJson } from '../wire.js';
import { InputRequired, Plan } from './capability.js';
import type { Report } from './lease-reports.js';

const MESSAGE_LIMIT = 8000;
const CODE_LIMIT = 100;

const failed = (code: string, message: string, retryable: boolean): Report => ({
  status: 'failed',
  error: { code: code.slice(0, CODE_LIMIT), message: message.slice(0, MESSAGE_LIMIT), retryable } satisfies StepError,
});

/** The report of a handler that returned. */
export const reportOfOutput = (output: unknown): Report => {
  if (output instanceof Plan) return { status: 'completed', plan: output.steps };
  try {
    const value = (output ?? null) as JsonValue;
    const bytes = encodeJson(value).length;
    if (bytes > OUTPUT_LIMIT_BYTES)
      return failed(
        'OUTPUT_TOO_LARGE',
        `the output has ${bytes} bytes, at most ${OUTPUT_LIMIT_BYTES} are taken: pass large data by reference`,
        false,
      );
    return { status: 'completed', output: value };
  } catch (error) {
    return failed('OUTPUT_NOT_JSON', messageOf(error), false);
  }
};

/** The report of a handler that threw. An at-most-once attempt cut short by the worker's stop has an unknown outcome. */
export const reportOfError = (error: unknown, effects: Effects): Report => {
  if (error instanceof InputRequired) return { status: 'input_required', question: error.question };
  if (error instanceof WorkerStoppedError && effects === 'at-most-once')
    return failed('OUTCOME_UNKNOWN', 'the worker stopped while the step ran; check its effect by hand', false);
  if (error instanceof TerminalError) return failed(error.code, error.message, false);
  if (error instanceof MandateError || error instanceof AttemptAbortedError) return failed(error.code, error.message, true);
  return failed('HANDLER_FAILED', messageOf(error), true);
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
