/** Connects, registers, tells the parent process, and ends in order when that goes away or a signal comes. */
import { createWorker, drainOnSignal, type Capabilities } from '@mandate/sdk';
import { connect } from '@nats-io/transport-node';
import { demoConfig } from './config.js';

export const startDemoWorker = async (name: string, capabilities: Capabilities): Promise<void> => {
  const { natsUrl, token, instance, tellParent } = demoConfig(name);
  const connection = await connect({
    servers: natsUrl,
    name,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    ...(token ? { token } : {}),
  });
  const worker = createWorker({ connection, name, version: '1.0.0', instance, capabilities, ...(token ? { token } : {}) });
  const leave = async (): Promise<void> => {
    process.off('disconnect', onParentGone);
    await worker.stop();
    await connection.close();
    // The channel to the parent would keep this process alive.
    if (process.connected) process.disconnect();
  };
  const onParentGone = (): void => void leave();
  drainOnSignal(worker, leave);
  process.once('disconnect', onParentGone);
  await worker.start();
  tellParent({ type: 'ready' });
};
