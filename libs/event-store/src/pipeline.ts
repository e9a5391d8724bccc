/** A connection for statements that must keep their order without waiting for each other's answers. */
import { Socket } from 'node:net';
import pg from 'pg';
import { answered } from './answered.js';
import { CONNECT_TIMEOUT_MS, QUERY_TIMEOUT_MS, storeError, type DatabaseOptions, type Row, type Statement } from './database.js';

interface Connection {
  client: pg.Client;
  socket: Socket;
}

/** One connection, made when it is needed. PostgreSQL runs what is sent in the order in which it was sent, each statement a transaction of its own. */
export class Pipeline {
  private connection: Promise<Connection> | null = null;

  constructor(private readonly options: DatabaseOptions) {}

  /** Throws as Database.query does. An answer that does not come in time ends the connection, and with it everything sent behind. */
  async query(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const connecting = (this.connection ??= this.connect());
    try {
      const { client } = await connecting;
      return (await answered(client, { ...statement, values: values as unknown[] }, this.options.queryTimeoutMs ?? QUERY_TIMEOUT_MS)).rows;
    } catch (error) {
      // What PostgreSQL did not say, the connection did: whoever comes next gets another.
      if (!(error instanceof pg.DatabaseError)) this.forget(connecting);
      throw storeError(error);
    }
  }

  private connect(): Promise<Connection> {
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: this.options.databaseUrl,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'mandate',
      pipeline: true,
      stream: () => socket,
    });
    const connecting = client.connect().then(() => ({ client, socket }));
    client.on('error', () => this.forget(connecting));
    client.on('end', () => this.forget(connecting));
    return connecting;
  }

  /** Closed at once: what was sent behind a statement without an answer would wait as long. */
  private forget(connecting: Promise<Connection>): void {
    if (this.connection === connecting) this.connection = null;
    connecting.then(
      ({ socket }) => socket.destroy(),
      () => undefined,
    );
  }

  async close(): Promise<void> {
    const connection = await this.connection?.catch(() => null);
    this.connection = null;
    await connection?.client.end();
  }
}
