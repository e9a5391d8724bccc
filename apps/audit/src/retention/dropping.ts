/**
 * Dropping a partition: recorded as begun, dropped, recorded as done. Whoever is killed in between leaves a record that says what may be missing, and
 * the next one to come finishes or gives up what it finds begun.
 */
import type { Retention, RetiredPartition } from '@mandate/audit-trail';
import { eventsIn, partitionsOf, retirePartition, Turn, type EventStore, type Partition, type Queries } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import { busy, type Origin, type RetentionLog } from './retention-log.js';

export interface DroppingParts {
  store: EventStore;
  log: RetentionLog;
  clock: Clock;
  /** Told where a crash would hurt. */
  reached?: (point: 'archived' | 'begun' | 'dropped' | 'done') => void | Promise<void>;
}

/** What is to go: of the partition, whatever belongs to delegations that ended before the line. */
export interface Due {
  partition: Partition;
  line: number;
  archive?: RetiredPartition['archive'];
}

const ATTEMPTS = 10;

export class Dropping {
  /** Holds are placed in it too: one that stands before the record that begins is respected, and none is placed between that and the drop. */
  private readonly turn: Turn;

  constructor(private readonly parts: DroppingParts) {
    this.turn = new Turn(parts.store.database, 'dropping');
  }

  /** Finishes what was begun, then does `work`, while nothing else is dropped. */
  between<T>(origin: Origin, work: () => Promise<T>): Promise<T> {
    return this.turn.take(async (connection) => {
      await this.settle(connection, origin);
      return work();
    });
  }

  /** Null: `mayGo` says no by now. */
  drop(due: Due, origin: Origin, mayGo: (state: Retention) => Promise<boolean>): Promise<RetiredPartition | null> {
    return this.turn.take(async (connection) => {
      await this.settle(connection, origin);
      return (await this.begin(connection, due, origin, mayGo)) ? this.carryOut(connection, due, origin) : null;
    });
  }

  private async begin(
    connection: Queries,
    { partition, line, archive }: Due,
    origin: Origin,
    mayGo: (state: Retention) => Promise<boolean>,
  ) {
    const { log, clock } = this.parts;
    const { from, to } = partition;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { state, version } = await log.load();
      if (!(await mayGo(state))) return false;
      const data = { from, to, line, events: await eventsIn(connection, partition), ...(archive ? { archive } : {}) };
      if (await log.decided([{ type: 'retiring', at: clock.now(), data }], version, origin)) return true;
    }
    throw busy();
  }

  private async carryOut(connection: Queries, { partition: { from, to }, line, archive }: Due, origin: Origin): Promise<RetiredPartition> {
    const { log, clock, reached } = this.parts;
    await reached?.('begun');
    // Over the turn's own connection: a process that lost its turn cannot drop anything any more.
    const data = { from, to, ...(await retirePartition(connection, from, line)), ...(archive ? { archive } : {}) };
    await reached?.('dropped');
    await log.record({ type: 'retired', at: clock.now(), data }, origin);
    await reached?.('done');
    return data;
  }

  private async settle(connection: Queries, origin: Origin): Promise<void> {
    const { log, clock } = this.parts;
    const begun = Object.values((await log.load()).state.begun);
    if (begun.length === 0) return;
    const partitions = await partitionsOf(connection);
    for (const { from, to, line, events, archive } of begun) {
      const dropped = partitions.some((partition) => partition.from === from && partition.line === line);
      const at = clock.now();
      if (!dropped) await log.record({ type: 'spared', at, data: { from, to, line } }, origin);
      else {
        const kept = await eventsIn(connection, { from, to });
        await log.record({ type: 'retired', at, data: { from, to, events, kept, ...(archive ? { archive } : {}) } }, origin);
      }
    }
  }
}
