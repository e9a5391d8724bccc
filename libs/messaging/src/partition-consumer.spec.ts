import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { IN_STREAM, subjects } from '@mandate/contracts';
import { testNats, until, type TestNats } from '@mandate/testing';
import { jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { consumeInbound } from './partition-consumer.js';
import { ensureTopology, MAX_ACK_PENDING, partitionConsumer } from './topology.js';

const ID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

let nats: TestNats;
let connection: NatsConnection;
let durable: string;
beforeEach(async () => {
  nats = await testNats();
  connection = await connect({ servers: nats.url });
  await ensureTopology(connection);
  const { subject } = (await publish('probe'), await lastStored());
  durable = partitionConsumer(Number(subject.split('.')[1]));
  await (await jetstreamManager(connection)).streams.purge(IN_STREAM);
});
afterEach(async () => {
  await connection.close();
  await nats.stop();
});

const publish = (body: string): Promise<unknown> => jetstream(connection).publish(subjects.request('default', ID, 'me'), body);
const lastStored = async (): Promise<{ subject: string }> => {
  const message = await (await jetstreamManager(connection)).streams.getMessage(IN_STREAM, { seq: 1 });
  if (!message) throw new Error('nothing was stored');
  return message;
};
const publishAll = async (bodies: readonly string[]): Promise<void> => {
  for (const body of bodies) await publish(body);
};
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
const left = async (): Promise<number> => (await (await jetstreamManager(connection)).streams.info(IN_STREAM)).state.messages;

it('hands on what was there and what comes, in order', async () => {
  await publishAll(numbers(1, 300));
  const seen: string[] = [];
  const consuming = await consumeInbound(connection, durable, (message) => {
    seen.push(message.string());
    message.ack();
  });
  await publishAll(numbers(301, 400));
  await until(() => seen.length === 400, { what: '400 messages' });
  expect(seen).toEqual(numbers(1, 400));
  await until(async () => (await left()) === 0, { what: 'the work queue to be empty' });
  await consuming.stop();
});

it('has so many in hand at once and no more', async () => {
  await publishAll(numbers(1, MAX_ACK_PENDING + 50));
  const inHand: JsMsg[] = [];
  const consuming = await consumeInbound(connection, durable, (message) => void inHand.push(message));
  await until(() => inHand.length === MAX_ACK_PENDING, { what: 'the most that may be outstanding' });
  for (const message of inHand.splice(0, 50)) message.ack();
  await until(() => inHand.length === MAX_ACK_PENDING, { what: 'room to be filled' });
  for (const message of inHand) message.ack();
  await until(async () => (await left()) === 0, { what: 'the work queue to be empty' });
  await consuming.stop();
});

it('hands on nothing after it was stopped; another owner gets that', async () => {
  const first: string[] = [];
  const consuming = await consumeInbound(connection, durable, (message) => {
    first.push(message.string());
    message.ack();
  });
  await publish('before');
  await until(() => first.length === 1, { what: 'the first message' });
  await consuming.stop();
  await publishAll(['after', 'later']);
  const second: string[] = [];
  const next = await consumeInbound(connection, durable, (message) => {
    second.push(message.string());
    message.ack();
  });
  await until(() => second.length === 2, { what: 'the other two' });
  expect(first).toEqual(['before']);
  expect(second).toEqual(['after', 'later']);
  await next.stop();
});

it('what was delivered and not settled comes again, to whoever is there then', async () => {
  await publish('unsettled');
  const first: JsMsg[] = [];
  const consuming = await consumeInbound(connection, durable, (message) => void first.push(message));
  await until(() => first.length === 1, { what: 'the delivery' });
  await consuming.stop();
  const again: JsMsg[] = [];
  const next = await consumeInbound(connection, durable, (message) => {
    again.push(message);
    message.ack();
  });
  const message = await until(() => again[0], { what: 'the redelivery after the ack wait', timeoutMs: 15_000 });
  expect(message.string()).toBe('unsettled');
  expect(message.info.deliveryCount).toBe(2);
  await next.stop();
});
