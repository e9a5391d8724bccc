/** What the engine stands on: opened first and closed last. */
import { AppendSignal, EventStore, Keyring } from '@mandate/event-store';
import { ensureTopology } from '@mandate/messaging';
import type { ServiceOptions } from '@mandate/service-host';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { DataSource } from 'typeorm';
import { openReadModel } from '../read-model/index.js';

export interface Ground {
  connection: NatsConnection;
  store: EventStore;
  signal: AppendSignal;
  readModel: DataSource;
  keyring: Keyring;
}

const RECONNECT_MS = 250;

/** Throws what keeps it from opening; what was open by then is closed. */
export const openGround = async (options: ServiceOptions): Promise<Ground> => {
  const { databaseUrl, natsUrl, natsToken, masterKey, instance, clock } = options;
  const keyring = new Keyring(masterKey);
  const connection = await connect({
    servers: natsUrl,
    name: `delegation-engine ${instance}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    ...(natsToken ? { token: natsToken } : {}),
  });
  try {
    await ensureTopology(connection);
    const where = { service: 'delegation-engine', instance };
    const store = await EventStore.open({ databaseUrl, keyring, where, ...(clock ? { clock } : {}) });
    const signal = await AppendSignal.start(store, databaseUrl);
    return { connection, store, signal, readModel: await openReadModel(databaseUrl), keyring };
  } catch (error) {
    await connection.close();
    throw error;
  }
};

export const closeGround = async ({ connection, store, signal, readModel }: Ground): Promise<void> => {
  await signal.stop();
  await readModel.destroy();
  await store.close();
  await connection.close();
};
