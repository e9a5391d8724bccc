/** The connection pool of a store, with bounded waits and typed rows. */
import pg from 'pg';
import { AppError } from '@mandate/kernel';
import { answered } from './answered.js';

export type Row = Record<string, unknown>;

export interface Statement {
  /** Prepared once a connection under this name. */
  name: string;
  text: string;
  /** Parsers of the results by type; default: pg's. */
  types?: pg.CustomTypesConfig;
}

export interface DatabaseOptions {
  databaseUrl: string;
  /** Connections; default 8. */
  poolSize?: number;
  /** After this long an answer counts as lost; default 10 s. */
  queryTimeoutMs?: number;
}

/** What asks PostgreSQL: the pool, or one connection of it. */
export type Queries = Pick<Database, 'query'>;

export const CONNECT_TIMEOUT_MS = 5_000;
export const QUERY_TIMEOUT_MS = 10_000;
/** No transaction may hold a snapshot for longer: vacuum waits for it, and appends with vacuum. */
const TRANSACTION_TIMEOUT_MS = 30_000;

/**
 * Everything here probes one index in its order. On a small table PostgreSQL would rather combine two by bitmaps, which reads the whole range of positions
 * of a stream for every page of it.
 */
const PLANNING = 'SET enable_bitmapscan = off';

export class Database {
  private readonly pool: pg.Pool;
  private readonly queryTimeoutMs: number;

  constructor(options: DatabaseOptions) {
    this.queryTimeoutMs = options.queryTimeoutMs ?? QUERY_TIMEOUT_MS;
    this.pool = new pg.Pool({
      connectionString: options.databaseUrl,
      max: options.poolSize ?? 8,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'mandate',
    });
    // An idle connection that breaks is replaced; whoever needs one meanwhile is told by its own query.
    this.pool.on('error', () => undefined);
    // The pool listens to idle connections only: one that breaks in the hands of a transaction would end the process.
    this.pool.on('connect', (client) => {
      client.on('error', () => undefined);
      // Before any other statement of the connection; when it fails, so does whatever comes behind it.
      client.query(PLANNING).catch(() => undefined);
    });
  }

  /** Throws AppError `STORE_UNAVAILABLE` when there is no answer, `STORE_REFUSED` when PostgreSQL refuses the statement. */
  async query(statement: Statement, values: readonly unknown[] = [], timeoutMs = this.queryTimeoutMs): Promise<Row[]> {
    return this.withConnection((connection) => connection.query(statement, values, timeoutMs));
  }

  /** Everything that `work` asks goes over one connection, which ends with the locks it holds when an answer does not come. */
  async withConnection<T>(work: (connection: Queries) => Promise<T>): Promise<T> {
    const client = await this.connect();
    let broken: Error | undefined;
    const query: Queries['query'] = async (statement, values = [], timeoutMs = this.queryTimeoutMs) => {
      try {
        return (await answered<Row>(client, { ...statement, values: values as unknown[] }, timeoutMs)).rows;
      } catch (error) {
        // What PostgreSQL did not say, the connection did.
        if (!(error instanceof pg.DatabaseError)) broken = error as Error;
        throw storeError(error);
      }
    };
    try {
      return await work({ query });
    } finally {
      client.release(broken);
    }
  }

  private async connect(): Promise<pg.PoolClient> {
    try {
      return await this.pool.connect();
    } catch (error) {
      throw storeError(error);
    }
  }

  /**
   * Runs `work` in one transaction; rolls back when it throws. `durable: false` does not wait for the disk: after a crash of PostgreSQL the last
   * ones may be gone, whole and in order. Only for what follows from the log and is made again from it.
   */
  async transaction<T>(work: (client: pg.PoolClient) => Promise<T>, { durable = true }: { durable?: boolean } = {}): Promise<T> {
    const client = await this.connect();
    let broken: Error | undefined;
    let released = false;
    const release = (error?: Error): void => {
      if (!released) client.release(error);
      released = true;
    };
    // Closing the connection fails the statement under way, and what comes behind it.
    const timer = setTimeout(
      () => release(new Error(`a transaction took longer than ${TRANSACTION_TIMEOUT_MS} ms`)),
      TRANSACTION_TIMEOUT_MS,
    );
    try {
      await client.query(durable ? 'BEGIN' : 'BEGIN; SET LOCAL synchronous_commit = off');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((failed: unknown) => {
        broken = failed as Error;
      });
      throw error;
    } finally {
      clearTimeout(timer);
      release(broken);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

/** SQLSTATE classes that say "not now" instead of "not this": connection, resources, operator intervention, system error, lock and serialisation. */
const TRANSIENT = /^(08|53|57|58|40|55)/;

export const storeError = (error: unknown): AppError => {
  if (error instanceof AppError) return error;
  if (error instanceof pg.DatabaseError && !TRANSIENT.test(error.code ?? '')) {
    return new AppError('STORE_REFUSED', 'internal', `PostgreSQL refused: ${error.message} (${error.code})`, {}, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new AppError(
    'STORE_UNAVAILABLE',
    'unavailable',
    `the event store does not answer: ${reason}; whether the last change was made is unknown, try the same again`,
    {},
    { cause: error },
  );
};
