import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { IN_STREAM } from '@mandate/contracts';
import { EventStore, DeadLetters, Keyring } from '@mandate/event-store';
import { ADVISORIES_STREAM, ensureTopology, partitionConsumer } from '@mandate/messaging';
import { createLogger } from '@mandate/service-host';
import { startWorld, until, type World } from '@mandate/testing';
import { jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import { connect, nanos, type NatsConnection } from '@nats-io/transport-node';
import { Advisories } from './advisories.js';

const ID = '01JD00000000000000000000A0';
const SUBJECT = `mandate.v1.default.request.${ID}.ann`;
const keyring = new Keyring('ab'.repeat(32));
let world: World;
let connection: NatsConnection;
let store: EventStore;
let letters: DeadLetters;
let advisories: Advisories;

beforeAll(async () => {
  world = await startWorld();
  connection = await connect({ servers: world.nats.url });
  await ensureTopology(connection);
  store = await EventStore.open({ databaseUrl: world.database.url, keyring, where: { service: 'spec', instance: 'spec' } });
  letters = new DeadLetters(store.database, keyring);
  advisories = new Advisories(connection, letters, createLogger({ service: 'spec', instance: 'spec', level: 'silent' }));
});
afterAll(async () => {
  await advisories.stop();
  await store.close();
  await connection.close();
  await world.stop();
});

/** Puts a request on the stream and takes it from its partition. */
const taken = async (body: string): Promise<JsMsg> => {
  const { streams } = await jetstreamManager(connection);
  const { seq } = await jetstream(connection).publish(SUBJECT, body);
  const stored = await streams.getMessage(IN_STREAM, { seq });
  const partition = Number(stored?.subject.split('.')[1]);
  const consumer = await jetstream(connection).consumers.get(IN_STREAM, partitionConsumer(partition));
  const message = await consumer.next({ expires: 5_000 });
  if (!message) throw new Error('nothing was delivered');
  return message;
};

const parked = (reason: string): ReturnType<DeadLetters['list']> =>
  until(
    async () => {
      const found = await letters.list('default', { limit: 10, reason });
      return found.length > 0 && found;
    },
    { what: `a dead letter ${reason}` },
  );

it('keeps what was delivered too often, whole, and takes it out of the stream', async () => {
  const { consumers, streams } = await jetstreamManager(connection);
  const first = await taken('{"goal":"again and again"}');
  await consumers.update(IN_STREAM, first.info.consumer, { max_deliver: 1, ack_wait: nanos(1_000) });
  first.nak();
  // Nobody listened when it was said: the stream of advisories remembers.
  const consumer = await jetstream(connection).consumers.get(IN_STREAM, first.info.consumer);
  expect(await consumer.next({ expires: 1_000 })).toBeNull();
  await advisories.start();
  const [letter] = await parked('MAX_DELIVERIES');
  expect(letter).toMatchObject({ source: SUBJECT, delegationId: ID, attempts: 1, kind: 'message' });
  expect(Buffer.from(letter!.payload).toString()).toBe('{"goal":"again and again"}');
  await until(async () => (await streams.info(IN_STREAM)).state.messages === 0, { what: 'the message to be taken out' });
});

it('keeps that something was terminated, and why', async () => {
  (await taken('{"goal":"no more"}')).term('we know better');
  const [letter] = await parked('MSG_TERMINATED');
  expect(letter?.detail).toContain('we know better');
  expect(letter?.source).toMatch(/^\$JS\.EVENT\.ADVISORY\.CONSUMER\.MSG_TERMINATED\.MANDATE_IN\.partition-\d+$/);
});

it.each(['garbage', 'null', '{}', '{"stream_seq":1,"consumer":"c","timestamp":"someday","deliveries":1}'])(
  'drops what is no advisory: %s',
  async (body) => {
    const { streams } = await jetstreamManager(connection);
    await jetstream(connection).publish(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${IN_STREAM}.c`, body);
    await until(async () => (await streams.info(ADVISORIES_STREAM)).state.messages === 0, { what: 'the stream to be empty' });
  },
);
