/** Work that one process at a time does, of all that share a log. */
import { AppError } from '@mandate/kernel';
import type { Database, Queries } from './database.js';

/** Locks of PostgreSQL's under this class; 0 to 3 are those of the migrations. */
const LOCK_CLASS = 7365;
const TURNS = { erasure: 10, retention: 11, dropping: 12, signing: 13 } as const;

const TAKE = { name: 'es_take_turn', text: 'SELECT pg_try_advisory_lock($1, $2) AS taken' };
const GIVE = { name: 'es_give_turn', text: 'SELECT pg_advisory_unlock($1, $2)' };
const AGAIN_MS = 50;

/**
 * The lock is its connection's: it ends when the process is killed, and a process that lost the connection cannot do over it what belongs to the turn.
 * What is asked within one process waits its turn in line, so that a turn never takes more than one connection.
 */
export class Turn {
  private last: Promise<unknown> = Promise.resolve();
  private readonly lock: readonly [number, number];

  constructor(
    private readonly database: Database,
    private readonly of: keyof typeof TURNS,
    /** How long another process may take; default 10 s. */
    private readonly patienceMs = 10_000,
  ) {
    this.lock = [LOCK_CLASS, TURNS[of]];
  }

  /** Throws AppError `IN_ANOTHER_PROCESS` when another process does not end its turn in time; `work` has not begun then. */
  take<T>(work: (connection: Queries) => Promise<T>): Promise<T> {
    const turn = this.last.then(() => this.database.withConnection((connection) => this.holding(connection, work)));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async holding<T>(connection: Queries, work: (connection: Queries) => Promise<T>): Promise<T> {
    const until = performance.now() + this.patienceMs;
    while (!(await connection.query(TAKE, this.lock))[0]?.['taken']) {
      if (performance.now() >= until)
        throw new AppError('IN_ANOTHER_PROCESS', 'unavailable', `another process is busy with ${this.of} of this log: try again`);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    try {
      return await work(connection);
    } finally {
      // Without an answer the connection is closed, and the lock is gone with it.
      await connection.query(GIVE, this.lock).catch(() => undefined);
    }
  }
}
