/** Tells when a connection is lost and when it is back, so that what was missed in between can be made up for. */
import type { NatsConnection, QueuedIterator, Status } from '@nats-io/transport-node';

export interface ConnectionEvents {
  lost?: () => void;
  back: () => void;
}

/** Returns the function that ends the watch. */
export const watchConnection = (connection: NatsConnection, events: ConnectionEvents): (() => void) => {
  const statuses = connection.status();
  const watch = async (): Promise<void> => {
    for await (const { type } of statuses) {
      if (type === 'disconnect') events.lost?.();
      if (type === 'reconnect') events.back();
    }
  };
  void watch();
  return () => (statuses as AsyncIterable<Status> & Partial<QueuedIterator<Status>>).stop?.();
};
