/** A nats-server of a test's own with the connections made to it; the test may kill it and run it again. */
import { startNatsServer, type RestartableServer } from '@mandate/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';

export class OwnNatsServer {
  private readonly connections: NatsConnection[] = [];

  private constructor(private readonly server: RestartableServer) {}

  static async start(): Promise<OwnNatsServer> {
    return new OwnNatsServer(await startNatsServer());
  }

  async connect(): Promise<NatsConnection> {
    const connection = await connect({ servers: this.server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    this.connections.push(connection);
    return connection;
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  /** Starts it again, with what its streams held; resolves when every connection is back. */
  async run(): Promise<void> {
    const back = Promise.all(this.connections.map(reconnected));
    await this.server.restart();
    await back;
  }

  async stop(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
    await this.server.stop();
  }
}

const reconnected = async (connection: NatsConnection): Promise<void> => {
  for await (const { type } of connection.status()) if (type === 'reconnect') return;
};
