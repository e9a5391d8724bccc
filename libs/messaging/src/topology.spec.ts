import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EVENTS_STREAM, IN_STREAM, PARTITIONS, subjects } from '@mandate/contracts';
import { ulid } from '@mandate/kernel';
import { seeded, testNats, until, type TestNats } from '@mandate/testing';
import { JetStreamApiError, jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, nanos, type NatsConnection } from '@nats-io/transport-node';
import { ADVISORIES_STREAM, ensureTopology, partitionConsumer, publishedSubject, STRAY_CONSUMER, TOPOLOGY_DEFAULTS } from './topology.js';

let nats: TestNats;
let connection: NatsConnection;
let manager: JetStreamManager;
beforeEach(async () => {
  nats = await testNats();
  connection = await connect({ servers: nats.url });
  manager = await jetstreamManager(connection);
});
afterEach(async () => {
  await connection.close();
  await nats.stop();
});

const random = seeded(16);
const newId = (): string => ulid(random.integer(0, 2 ** 45), random.bytes(10));
const consumerNames = async (): Promise<string[]> => (await manager.consumers.list(IN_STREAM).next()).map(({ name }) => name).sort();
const pending = async (consumer: string): Promise<number> => (await manager.consumers.info(IN_STREAM, consumer)).num_pending;

/** FNV-1a (Fowler, Noll, Vo), 32 bits, as nats-server's `partition()` and the engine compute it; written anew with BigInt. */
const fnv1a = (text: string): bigint =>
  [...Buffer.from(text)].reduce((hash, byte) => ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n, 0x811c9dc5n);

describe('ensureTopology', () => {
  it('makes streams and consumers once, when two come first at the same moment', async () => {
    const other = await connect({ servers: nats.url });
    await Promise.all([ensureTopology(connection), ensureTopology(other)]);
    await ensureTopology(other);
    await other.close();
    expect(await consumerNames()).toEqual([...Array.from({ length: PARTITIONS }, (_, i) => partitionConsumer(i)), STRAY_CONSUMER].sort());
    const names = (await manager.streams.list().next()).map(({ config }) => config.name);
    expect(names.sort()).toEqual([ADVISORIES_STREAM, EVENTS_STREAM, IN_STREAM]);
    const { config } = await manager.streams.info(IN_STREAM);
    expect(config).toMatchObject({ retention: 'workqueue', storage: 'file', discard: 'new', max_age: 0 });
    expect((await manager.streams.info(EVENTS_STREAM)).config).toMatchObject({ allow_atomic: true, discard: 'old' });
  });

  it('brings limits up to date and loses no message', async () => {
    await ensureTopology(connection);
    await jetstream(connection).publish(subjects.request('default', newId(), 'me'), 'kept');
    await ensureTopology(connection, { ...TOPOLOGY_DEFAULTS, eventsMaxAgeMs: 60_000, inboundMaxBytes: 5_000_000 });
    const inbound = await manager.streams.info(IN_STREAM);
    expect(inbound.config.max_bytes).toBe(5_000_000);
    expect(inbound.state.messages).toBe(1);
    expect((await manager.streams.info(EVENTS_STREAM)).config.max_age).toBe(nanos(60_000));
  });
});

describe('the inbound stream', () => {
  beforeEach(() => ensureTopology(connection));

  it('maps every message of a delegation to the partition that its id hashes to', async () => {
    const ids = Array.from({ length: 1_000 }, newId);
    const bus = jetstream(connection);
    const publish = (id: string): Promise<unknown>[] =>
      [subjects.request('default', id, 'me'), subjects.result('other', id, 'step', 1), subjects.command('default', id, 'me')].map(
        (subject) => bus.publish(subject, id),
      );
    for (let from = 0; from < ids.length; from += 100) await Promise.all(ids.slice(from, from + 100).flatMap(publish));
    const expected = Array.from({ length: PARTITIONS }, () => 0);
    for (const id of ids) expected[Number(fnv1a(id) % BigInt(PARTITIONS))]! += 3;
    const found = await Promise.all(expected.map((_, partition) => pending(partitionConsumer(partition))));
    expect(found).toEqual(expected);
    for (const id of ids.slice(0, 50)) {
      const subject = subjects.result('other', id, 'step', 1);
      const stored = `in.${fnv1a(id) % BigInt(PARTITIONS)}.other.result.${id}.step.1`;
      const message = await manager.streams.getMessage(IN_STREAM, { last_by_subj: stored });
      expect(message?.string()).toBe(id);
      expect(publishedSubject(stored)).toBe(subject);
    }
  });

  it('hands what has too few tokens to the stray consumer, under the subject it came by', async () => {
    const subject = `mandate.v1.default.request.${newId()}`;
    await jetstream(connection).publish(subject, 'lost');
    expect(await pending(STRAY_CONSUMER)).toBe(1);
    const consumer = await jetstream(connection).consumers.get(IN_STREAM, STRAY_CONSUMER);
    const message = await consumer.next();
    expect(message?.subject).toBe(subject);
    expect(publishedSubject(subject)).toBe(subject);
    message?.ack();
    await until(async () => (await manager.streams.info(IN_STREAM)).state.messages === 0, { what: 'the acked message to be gone' });
  });

  it('refuses new messages when it is full, and keeps every one that it acked', async () => {
    await ensureTopology(connection, { ...TOPOLOGY_DEFAULTS, inboundMaxBytes: 100_000 });
    let acked = 0;
    const fill = async (): Promise<void> => {
      for (;;) {
        await jetstream(connection).publish(subjects.request('default', newId(), 'me'), Buffer.alloc(10_000));
        acked++;
      }
    };
    await expect(fill()).rejects.toThrow(JetStreamApiError);
    expect(acked).toBeGreaterThan(5);
    expect((await manager.streams.info(IN_STREAM)).state.messages).toBe(acked);
  });
});
