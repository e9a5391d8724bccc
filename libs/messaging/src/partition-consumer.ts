import { jetstream, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { IN_STREAM } from '@mandate/contracts';
import { MAX_ACK_PENDING } from './topology.js';

export interface Consuming {
  /** Stops pulling; what was delivered and not settled yet comes again after the ack wait, to whoever owns the partition then. */
  stop(): Promise<void>;
}

/** Pulls one durable of a stream, by default the inbound one, and hands each message on, in order, until stopped. */
export const consumeInbound = async (
  connection: NatsConnection,
  durable: string,
  onMessage: (message: JsMsg) => void,
  stream = IN_STREAM,
): Promise<Consuming> => {
  const consumer = await jetstream(connection).consumers.get(stream, durable);
  let stopped = false;
  const messages: ConsumerMessages = await consumer.consume({
    max_messages: MAX_ACK_PENDING,
    callback: (message) => (stopped ? message.nak() : onMessage(message)),
  });
  return {
    stop: async () => {
      stopped = true;
      await messages.close();
    },
  };
};
