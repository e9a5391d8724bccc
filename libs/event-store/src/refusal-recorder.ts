/** Puts refusals on record before they are answered. */
import { timestamp } from '@mandate/kernel';
import { PacedRecorder, type Pace, type RecorderOptions } from './paced-recorder.js';
import { REFUSALS, type CountedRefusal, type Refusal } from './refusal-tally.js';
import type { NewEvent } from './types.js';

export const REFUSED = 'dev.mandate.audit.refused.v1';

export interface RefusalRecorderOptions extends RecorderOptions {
  /** Told of each refusal that may be answered now: an independent count. */
  answered?: () => void;
}

/** 100 events a second is the most that a flood can write. */
const PACE: Pace = { room: 256, lines: 16, floodLines: 2, burst: 200, refillPerMs: 0.008 };

export class RefusalRecorder {
  private readonly recorder: PacedRecorder<CountedRefusal>;

  constructor(private readonly options: RefusalRecorderOptions) {
    this.recorder = new PacedRecorder(options, { stream: 'refusals', rules: REFUSALS, pace: PACE, eventOf: refusedEvent });
  }

  /**
   * Resolves once the refusal is on record. Rejects with AppError `NOT_RECORDED` when that takes longer than two seconds: it stays counted and is written
   * when the store is back.
   */
  readonly record = (refusal: Refusal): Promise<void> => {
    const now = this.options.clock.now();
    return this.recorder.record({ ...refusal, count: 1, first: now, last: now }).then(this.options.answered);
  };

  /** Writes what is counted, if the store answers. */
  stop(): Promise<void> {
    return this.recorder.stop();
  }
}

const DENIALS: ReadonlySet<number> = new Set([401, 403]);

const refusedEvent = ({ via, operation, code, status, count, first, last }: CountedRefusal): NewEvent => ({
  type: REFUSED,
  occurredAt: timestamp(last),
  data: { via, operation, code, status, count, first: timestamp(first), last: timestamp(last) },
  outcome: DENIALS.has(status) ? 'denied' : 'failure',
  reason: code,
});
