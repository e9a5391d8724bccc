/** Connects, registers, tells the parent process, and ends in order when that goes away or a signal comes. */
import { createWorker, drainOnSignal, type Capabilities } from '@mandate/sdk';
import { connect } from '@nats-io/transport-node';
import { demoConfig } from './config.js';

/** Workers by name, in this process and on one connection. */
export const startDemoWorkers = async (named: Readonly<Record<string, Capabilities>>): Promise<void> => {
  const names = Object.keys(named);
  const { natsUrl, token, instanceOf, tellParent } = demoConfig(names);
  const connection = await connect({
    servers: natsUrl,
    name: names.join(' and '),
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    ...(token ? { token } : {}),
  });
  const workers = Object.entries(named).map(([name, capabilities]) =>
    createWorker({ connection, name, version: '1.0.0', instance: instanceOf(name), capabilities, ...(token ? { token } : {}) }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop()));
  };
  const leave = async (): Promise<void> => {
    process.off('disconnect', onParentGone);
    await connection.close();
    // The channel to the parent would keep this process alive.
    if (process.connected) process.disconnect();
  };
  const onParentGone = (): void => void stop().then(leave);
  drainOnSignal({ stop }, leave);
  process.once('disconnect', onParentGone);
  await Promise.all(workers.map((worker) => worker.start()));
  tellParent({ type: 'ready' });
};
