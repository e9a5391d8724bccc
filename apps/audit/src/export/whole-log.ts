/** The log as whoever signs for it has to read it: without a gap that retention does not explain. */
import { AppError } from '@mandate/kernel';
import type { LoggedRecord, LogReader } from '../log/log-reader.js';
import type { DroppedRange } from '../retention/index.js';

export class WholeLog {
  private known: readonly DroppedRange[] = [];

  constructor(
    private readonly log: Pick<LogReader, 'chunk'>,
    private readonly dropped: () => Promise<readonly DroppedRange[]>,
  ) {}

  /** Records of the positions from `first` to `last`. Throws AppError `EVENTS_MISSING`. */
  async chunk(first: number, last: number): Promise<LoggedRecord[]> {
    const records = await this.log.chunk(first, last);
    if (records.length === last - first + 1) return records;
    const there = new Set(records.map(({ position }) => position));
    for (let position = first; position <= last; position++) if (!there.has(position)) await this.explain(position);
    return records;
  }

  /** Ranges are read again only for a position that none of the known ones has: retention says what it drops before it does. */
  private async explain(position: number): Promise<void> {
    const isDropped = (): boolean => this.known.some(({ from, to }) => position >= from && position < to);
    if (isDropped()) return;
    this.known = await this.dropped();
    if (isDropped()) return;
    throw new AppError(
      'EVENTS_MISSING',
      'internal',
      `position ${position} is not there, and retention did not drop it: mandate audit verify --database says what else is wrong`,
    );
  }
}
