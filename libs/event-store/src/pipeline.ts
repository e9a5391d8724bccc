/** A connection for statements that must keep their order without waiting for each other's answers. */
import pg from 'pg';
import { CONNECT_TIMEOUT_MS, QUERY_TIMEOUT_MS, storeError, type DatabaseOptions, type Row, type Statement } from './database.js';

/** One connection, made when it is needed. PostgreSQL runs what is sent in the order in which it was sent, each statement a transaction of its own. */
export class Pipeline {
  private client: Promise<pg.Client> | null = null;

  constructor(private readonly options: DatabaseOptions) {}

  /** Throws as Database.query does. An answer that does not come in time ends the connection, and with it everything sent behind. */
  async query(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const connecting = (this.client ??= this.connect());
    try {
      const client = await connecting;
      return (await client.query<Row>({ ...statement, values: values as unknown[] })).rows;
    } catch (error) {
      // What PostgreSQL did not say, the connection did: whoever comes next gets another.
      if (!(error instanceof pg.DatabaseError)) this.forget(connecting);
      throw storeError(error);
    }
  }

  private connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.options.databaseUrl,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: this.options.queryTimeoutMs ?? QUERY_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'mandate',
      pipeline: true,
    });
    const connecting = client.connect();
    client.on('error', () => this.forget(connecting));
    client.on('end', () => this.forget(connecting));
    return connecting;
  }

  private forget(client: Promise<pg.Client>): void {
    if (this.client === client) this.client = null;
  }

  async close(): Promise<void> {
    const client = await this.client?.catch(() => null);
    this.client = null;
    await client?.end();
  }
}
