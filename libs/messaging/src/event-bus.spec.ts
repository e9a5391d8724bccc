import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EVENTS_STREAM, subjects } from '@mandate/contracts';
import { testNats, type TestNats } from '@mandate/testing';
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { JetStreamEventBus, type BusMessage } from './event-bus.js';
import { ensureTopology } from './topology.js';

let nats: TestNats;
let connection: NatsConnection;
let manager: JetStreamManager;
let bus: JetStreamEventBus;
beforeAll(async () => {
  nats = await testNats();
  connection = await connect({ servers: nats.url });
  manager = await jetstreamManager(connection);
});
beforeEach(async () => {
  await manager.streams.delete(EVENTS_STREAM).catch(() => undefined);
  await ensureTopology(connection);
  bus = new JetStreamEventBus(connection);
});
afterAll(async () => {
  await connection.close();
  await nats.stop();
});

const batch = (count: number, from = 1): BusMessage[] =>
  Array.from({ length: count }, (_, i) => ({
    subject: subjects.event('default', 'delegation', `d${i % 7}`),
    headers: { 'ce-id': `event-${from + i}`, 'ce-sequence': String(from + i), 'ce-source': '/mandate/log/1' },
    body: Buffer.from(JSON.stringify({ n: from + i })),
  }));

/** Positions in the order of the stream. */
const stored = async (): Promise<number[]> => {
  const { state } = await manager.streams.info(EVENTS_STREAM);
  const positions: number[] = [];
  if (state.messages === 0) return positions;
  const consumer = await jetstream(connection).consumers.get(EVENTS_STREAM);
  const messages = await consumer.fetch({ max_messages: state.messages });
  for await (const message of messages) positions.push(Number(message.headers?.get('ce-sequence')));
  return positions;
};
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe('publishBatch', () => {
  it.each([1, 2, 1_000, 2_500])('stores %i messages in order and says the last sequence', async (count) => {
    expect(await bus.publishBatch(batch(count), 0)).toBe(count);
    expect(await stored()).toEqual(upTo(count));
    expect(await bus.publishBatch(batch(1, count + 1), count)).toBe(count + 1);
  });

  it('keeps subject, body and headers as they are', async () => {
    await bus.publishBatch(batch(2), 0);
    const message = await manager.streams.getMessage(EVENTS_STREAM, { seq: 2 });
    expect(message?.subject).toBe(subjects.event('default', 'delegation', 'd1'));
    expect(message?.json()).toEqual({ n: 2 });
    expect(message?.header.get('ce-id')).toBe('event-2');
  });

  it.each([1, 2, 1_000])('stores nothing of %i messages when another publisher was there first', async (count) => {
    await bus.publishBatch(batch(3), 0);
    await expect(bus.publishBatch(batch(count, 100), 2)).rejects.toMatchObject({ code: 'BUS_FENCED', kind: 'conflict' });
    expect(await stored()).toEqual([1, 2, 3]);
    expect(await bus.publishBatch(batch(2, 4), 3)).toBe(5);
  });

  it('lets one of two publishers through that expect the same', async () => {
    const others = [bus, new JetStreamEventBus(connection)];
    const outcomes = await Promise.allSettled(others.map((publisher, i) => publisher.publishBatch(batch(50, i * 100 + 1), 0)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    expect(await stored()).toEqual(upTo(50).map((n) => winner * 100 + n));
  });

  it('says that the bus refused what no stream takes', async () => {
    await manager.streams.update(EVENTS_STREAM, { max_msg_size: 10 });
    await expect(bus.publishBatch(batch(1), 0)).rejects.toMatchObject({ code: 'BUS_REFUSED', kind: 'unavailable' });
    expect(await stored()).toEqual([]);
  });
});

describe('lastMessage', () => {
  it('is none of an empty stream', async () => expect(await bus.lastMessage()).toEqual({ sequence: 0, position: null }));

  it('says position, event and source', async () => {
    await bus.publishBatch(batch(3), 0);
    expect(await bus.lastMessage()).toEqual({ sequence: 3, position: 3, eventId: 'event-3', source: '/mandate/log/1' });
  });

  it('leaves out the source that a message does not name', async () => {
    const [message] = batch(1) as [BusMessage];
    const { 'ce-source': _source, ...headers } = message.headers;
    await bus.publishBatch([{ ...message, headers }], 0);
    expect(await bus.lastMessage()).toEqual({ sequence: 1, position: 1, eventId: 'event-1' });
  });

  it('says what the next publish has to expect when everything was purged', async () => {
    await bus.publishBatch(batch(3), 0);
    await manager.streams.purge(EVENTS_STREAM);
    expect(await bus.lastMessage()).toEqual({ sequence: 3, position: null });
    expect(await bus.publishBatch(batch(2, 4), 3)).toBe(5);
  });
});
