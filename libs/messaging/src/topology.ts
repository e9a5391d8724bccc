/** The streams and consumers of the bus. Made by whoever comes first, checked by everyone. */
import { AckPolicy, DiscardPolicy, JetStreamApiError, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { ConsumerConfig, JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { EVENTS_STREAM, IN_STREAM, PARTITIONS } from '@mandate/contracts';

export interface TopologyOptions {
  /** The inbound stream refuses new messages above this many bytes, so that nothing acked is ever dropped. */
  inboundMaxBytes: number;
  /** How long events stay on the bus; history comes from PostgreSQL. */
  eventsMaxAgeMs: number;
  eventsMaxBytes: number;
}

export const TOPOLOGY_DEFAULTS: TopologyOptions = {
  inboundMaxBytes: 2 * 1024 ** 3,
  eventsMaxAgeMs: 24 * 3_600_000,
  eventsMaxBytes: 4 * 1024 ** 3,
};

/** Redelivery after an engine died with messages in hand. */
const ACK_WAIT_MS = 5_000;
/** Outstanding messages a partition; order within a delegation is kept by its single writer, not by this. */
export const MAX_ACK_PENDING = 256;

export const partitionConsumer = (partition: number): string => `partition-${partition}`;
export const ADVISORIES_STREAM = 'MANDATE_ADVISORIES';
export const ADVISORIES_CONSUMER = 'dead-letters';
/** Takes what lies on the inbound subjects but has too few tokens to be mapped to a partition. */
export const STRAY_CONSUMER = 'stray';

const inbound = (options: TopologyOptions): Partial<StreamConfig> & { name: string } => ({
  name: IN_STREAM,
  description: 'requests, results and commands, mapped to partitions by delegation id',
  subjects: ['mandate.v1.*.request.>', 'mandate.v1.*.result.>', 'mandate.v1.*.command.>'],
  subject_transform: {
    src: 'mandate.v1.*.*.*.>',
    dest: `in.{{partition(${PARTITIONS},3)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}.>`,
  },
  retention: RetentionPolicy.Workqueue,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_bytes: options.inboundMaxBytes,
  max_age: 0,
  // PostgreSQL deduplicates; a longer window would let one tenant's guessable message id drop another's acked request.
  duplicate_window: nanos(100),
  allow_direct: false,
});

const events = (options: TopologyOptions): Partial<StreamConfig> & { name: string } => ({
  name: EVENTS_STREAM,
  description: 'events after their commit; readers deduplicate by ce-id',
  subjects: ['mandate.v1.*.event.*.*'],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_age: nanos(options.eventsMaxAgeMs),
  max_bytes: options.eventsMaxBytes,
  duplicate_window: nanos(1_000),
  allow_direct: true,
  allow_atomic: true,
});

const consumer = (name: string, filter: string): Partial<ConsumerConfig> => ({
  durable_name: name,
  filter_subject: filter,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(ACK_WAIT_MS),
  max_ack_pending: MAX_ACK_PENDING,
  max_deliver: -1,
});

/** What the server says of messages that it gave up on; plain NATS otherwise, which nobody may have heard. */
const advisories: Partial<StreamConfig> & { name: string } = {
  name: ADVISORIES_STREAM,
  description: 'messages of the inbound stream that were terminated or delivered too often',
  subjects: ['MAX_DELIVERIES', 'MSG_TERMINATED'].map((what) => `$JS.EVENT.ADVISORY.CONSUMER.${what}.${IN_STREAM}.>`),
  retention: RetentionPolicy.Workqueue,
  storage: StorageType.File,
  max_bytes: 64 * 1024 ** 2,
};

/** Makes what is missing and brings the rest up to date. Safe to run from several engines at once. */
export const ensureTopology = async (connection: NatsConnection, options: TopologyOptions = TOPOLOGY_DEFAULTS): Promise<void> => {
  const manager = await jetstreamManager(connection);
  await ensureStream(manager, inbound(options));
  await ensureStream(manager, events(options));
  await ensureStream(manager, advisories);
  await manager.consumers.add(ADVISORIES_STREAM, consumer(ADVISORIES_CONSUMER, '>'));
  const consumers = Array.from({ length: PARTITIONS }, (_, partition) => consumer(partitionConsumer(partition), `in.${partition}.>`));
  await Promise.all([...consumers, consumer(STRAY_CONSUMER, 'mandate.v1.>')].map((config) => manager.consumers.add(IN_STREAM, config)));
};

const ensureStream = async (manager: JetStreamManager, config: Partial<StreamConfig> & { name: string }): Promise<void> => {
  try {
    await manager.streams.info(config.name);
    await manager.streams.update(config.name, config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== STREAM_NOT_FOUND) throw error;
    await manager.streams.add(config);
  }
};

/** JetStream API error code (nats-server errors.json). */
const STREAM_NOT_FOUND = 10059;

/** The subject as the publisher wrote it, from the subject under which the stream keeps the message. */
export const publishedSubject = (stored: string): string =>
  stored.startsWith('in.') ? `mandate.v1.${stored.slice(stored.indexOf('.', 3) + 1)}` : stored;
