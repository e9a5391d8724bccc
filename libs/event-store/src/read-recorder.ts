/** Puts on record who was shown what, before it is shown; whoever asks again and again is counted. */
import { timestamp } from '@mandate/kernel';
import { PacedRecorder, type Pace, type RecorderOptions } from './paced-recorder.js';
import { READS, readKey, type CountedRead, type Read } from './read-tally.js';
import type { NewEvent } from './types.js';

export const READ = 'dev.mandate.audit.read.v1';

/** What somebody reads again within that time of the first is counted, and told when it is over. */
export const READ_WINDOW_MS = 300_000;
/** Windows that are open at once; with more of them the oldest ends before its time. */
const MOST_WINDOWS = 10_000;
/** A thousand callers at once are each named; a flood is 500 events a second. */
const PACE: Pace = { room: 2_048, lines: 1_024, floodLines: 10, burst: 5_000, refillPerMs: 0.5 };
/** Repeats written together. */
const CHUNK = 128;

interface Window {
  read: Read;
  opened: number;
  recorded: Promise<void>;
  /** Since the one that opened it. */
  repeats: number;
  first: number;
  last: number;
}

export class ReadRecorder {
  private readonly recorder: PacedRecorder<CountedRead>;
  /** Oldest first. */
  private readonly windows = new Map<string, Window>();

  constructor(private readonly options: RecorderOptions) {
    this.recorder = new PacedRecorder(options, { stream: 'reads', rules: READS, pace: PACE, eventOf: readEvent });
  }

  /**
   * Resolves once the answer may be given: the read is on record, or one of the same by the same caller is, not longer ago than the window. Rejects with
   * AppError `NOT_RECORDED` when that takes longer than two seconds.
   */
  readonly record = (read: Read): Promise<void> => {
    const now = this.options.clock.now();
    const key = readKey(read);
    const open = this.windows.get(key);
    if (open && now - open.opened < READ_WINDOW_MS) {
      if (open.repeats++ === 0) open.first = now;
      open.last = now;
      return open.recorded;
    }
    if (open) this.end(key, open);
    return this.begin(key, read, now);
  };

  private begin(key: string, read: Read, now: number): Promise<void> {
    const [oldest] = this.windows.size >= MOST_WINDOWS ? this.windows : [];
    if (oldest) this.end(...oldest);
    const recorded = this.recorder.record({ ...read, count: 1, first: now, last: now });
    const window = { read, opened: now, recorded, repeats: 0, first: now, last: now };
    this.windows.set(key, window);
    // Nothing was shown to those who waited with it, and the next one tries again.
    recorded.catch(() => {
      if (this.windows.get(key) === window) this.windows.delete(key);
    });
    return recorded;
  }

  /** Writes the repeats of the windows that are over. Called every minute. */
  endWindows(): Promise<void> {
    const now = this.options.clock.now();
    return this.endThose(({ opened }) => now - opened >= READ_WINDOW_MS);
  }

  /** They may be thousands, of as many callers, and nobody waits: each is told by itself. */
  private async endThose(isOver: (window: Window) => boolean): Promise<void> {
    const repeated: CountedRead[] = [];
    for (const [key, window] of this.windows)
      if (isOver(window)) {
        this.windows.delete(key);
        repeated.push(...repeatsOf(window));
      }
    while (repeated.length > 0) {
      const lost = await this.recorder.write(repeated.splice(0, CHUNK));
      if (lost.length > 0) for (const read of [...lost, ...repeated.splice(0)]) this.recorder.count(read);
    }
  }

  private end(key: string, window: Window): void {
    this.windows.delete(key);
    for (const repeats of repeatsOf(window)) this.recorder.count(repeats);
  }

  /** Writes what is counted, if the store answers. */
  async stop(): Promise<void> {
    await this.endThose(() => true);
    await this.recorder.stop();
  }
}

const repeatsOf = ({ read, repeats, first, last }: Window): CountedRead[] =>
  repeats > 0 ? [{ ...read, count: repeats, first, last }] : [];

const readEvent = ({ via, operation, resource, among, count, first, last }: CountedRead): NewEvent => ({
  type: READ,
  occurredAt: timestamp(last),
  data: {
    via,
    operation,
    ...(among ? { resources: [...among] } : resource === null ? {} : { resource }),
    count,
    first: timestamp(first),
    last: timestamp(last),
  },
});
