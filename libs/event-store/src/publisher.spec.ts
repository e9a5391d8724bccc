import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, headers as newHeaders, Match, type NatsConnection } from '@nats-io/transport-node';
import { AppError } from '@mandate/kernel';
import { startWorld, testDatabase, until, type TestDatabase, type World } from '@mandate/testing';
import pg from 'pg';
import {
  AppendSignal,
  busMessage,
  EventStore,
  Keyring,
  Publisher,
  sourceOf,
  type BusMessage,
  type EventBus,
  type LastMessage,
} from './index.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

const STREAM = 'EVENTS';

/** A bus on a real nats-server, as small as the port allows; the product's is @mandate/messaging's. */
class SpecBus implements EventBus {
  /** Thrown once, after the server has taken the batch: its answer is lost. */
  loseNextAnswer = false;
  /** A publisher that was taken for dead: it publishes the next batch just before us. */
  zombieIsFaster = false;

  constructor(
    private readonly connection: NatsConnection,
    private readonly manager: JetStreamManager,
  ) {}

  async publishBatch(messages: readonly BusMessage[], expected: number): Promise<number> {
    if (this.zombieIsFaster) {
      this.zombieIsFaster = false;
      await this.publishBatch(messages, expected);
    }
    let ack: { seq: number };
    const options = (message: BusMessage) => {
      const headers = newHeaders();
      for (const [name, value] of Object.entries(message.headers)) headers.set(name, value, Match.Exact);
      return { headers };
    };
    const [first, ...rest] = messages as [BusMessage, ...BusMessage[]];
    const last = rest.pop();
    const js = jetstream(this.connection);
    try {
      if (!last) ack = await js.publish(first.subject, first.body, { ...options(first), expect: { lastSequence: expected } });
      else {
        const batch = await js.startBatch(first.subject, first.body, { ...options(first), expect: { lastSequence: expected } });
        for (const message of rest) batch.add(message.subject, message.body, options(message));
        ack = await batch.commit(last.subject, last.body, options(last));
      }
    } catch (cause) {
      throw new AppError('BUS_FENCED', 'conflict', String(cause), {}, { cause });
    }
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false;
      throw new AppError('BUS_REFUSED', 'unavailable', 'the answer was lost');
    }
    return ack.seq;
  }

  async lastMessage(): Promise<LastMessage> {
    const { state } = await this.manager.streams.info(STREAM);
    const message = state.messages === 0 ? null : await this.manager.streams.getMessage(STREAM, { seq: state.last_seq });
    if (!message) return { sequence: state.last_seq, position: null };
    const header = (name: string): string => message.header.get(name);
    return { sequence: message.seq, position: Number(header('ce-sequence')), eventId: header('ce-id'), source: header('ce-source') };
  }
}

let world: World;
let connection: NatsConnection;
let manager: JetStreamManager;
let bus: SpecBus;
beforeAll(async () => {
  world = await startWorld({ template: 'empty' });
  connection = await connect({ servers: world.nats.url });
  manager = await jetstreamManager(connection);
  bus = new SpecBus(connection, manager);
});
afterAll(async () => {
  await connection.close();
  await world.stop();
});

let database: TestDatabase;
let store: EventStore;
let signal: AppendSignal;
let errors: AppError[];
const publishers: Publisher[] = [];
beforeEach(async () => {
  await manager.streams.add({ name: STREAM, subjects: ['mandate.v1.*.event.*.*'], allow_atomic: true });
  database = await testDatabase();
  store = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where });
  signal = await AppendSignal.start(store, database.url);
  errors = [];
});
afterEach(async () => {
  await Promise.all(publishers.splice(0).map((publisher) => publisher.stop()));
  await signal.stop();
  await store.close();
  await database.stop();
  await manager.streams.delete(STREAM);
});

const start = (owner: string): Publisher => {
  const publisher = new Publisher({ store, bus, signal, owner, leaseTtlMs: 600, pollMs: 200, onError: (error) => errors.push(error) });
  publishers.push(publisher);
  return publisher;
};
const append = async (count = 1): Promise<void> => {
  await store.append(entryFor(newStream(), 'no-stream', count, {}, { goal: 'secret' }));
};
const published = async (): Promise<number[]> => {
  const { state } = await manager.streams.info(STREAM);
  const positions: number[] = [];
  for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++)
    positions.push(Number((await manager.streams.getMessage(STREAM, { seq }))?.header.get('ce-sequence')));
  return positions;
};
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const reaches = (publisher: Publisher, position: number): Promise<unknown> =>
  until(() => publisher.cursor >= position, { what: `the bus to have position ${position}` });

describe('the publisher', () => {
  it('publishes what was there, what this process appends and what others append, in order and once', async () => {
    await append(3);
    const publisher = start('a');
    await reaches(publisher, 3);
    await Promise.all(Array.from({ length: 30 }, () => append(2)));
    const other = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where });
    await other.append(entryFor(newStream(), 'no-stream', 2));
    await reaches(publisher, 65);
    expect(await published()).toEqual(upTo(65));
    await other.close();
    expect(errors).toEqual([]);
  });

  it('writes CloudEvents with references in place of personal fields', async () => {
    const stream = newStream();
    const entry = {
      ...entryFor(stream, 'no-stream', 1, { pattern: 'direct' }, { goal: 'secret' }),
      causationId: 'cause',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    const result = await store.append(entry);
    if (!result.ok) throw new Error(result.message);
    await reaches(start('a'), 1);
    const message = await manager.streams.getMessage(STREAM, { seq: 1 });
    const id = result.events[0]?.id ?? '';
    const { name, epoch } = await store.head();
    expect(message?.subject).toBe(`mandate.v1.default.event.delegation.${stream.id}`);
    expect(message?.json()).toEqual({ index: 0, pattern: 'direct', goal: { $ref: `/api/delegations/${stream.id}/events/${id}#goal` } });
    const headers = Object.fromEntries(message?.header.keys().map((key) => [key, message.header.get(key)]) ?? []);
    expect(headers).toMatchObject({
      'Nats-Msg-Id': id,
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-source': sourceOf(name, epoch),
      'ce-type': entry.events[0]?.type,
      'ce-sequence': '1',
      'ce-correlationid': stream.id,
      'ce-causationid': 'cause',
      'ce-tenantid': 'default',
      traceparent: entry.traceparent,
    });
  });

  it('leaves the work to one, and another takes over where the bus stands', async () => {
    const first = start('a');
    await append();
    await reaches(first, 1);
    const second = start('b');
    await append();
    await reaches(first, 2);
    expect(second.state).toBe('standby');
    await first.stop();
    await append();
    await reaches(second, 3);
    expect(await published()).toEqual(upTo(3));
  });

  it('finds out what the bus has when an answer was lost, and publishes nothing twice', async () => {
    const publisher = start('a');
    await append();
    await reaches(publisher, 1);
    bus.loseNextAnswer = true;
    await append(5);
    await append(5);
    await reaches(publisher, 11);
    expect(await published()).toEqual(upTo(11));
    expect(errors.map(({ code }) => code)).toContain('BUS_REFUSED');
  });

  it('is refused when another published behind its back, and goes on behind that', async () => {
    const publisher = start('a');
    await append();
    await reaches(publisher, 1);
    bus.zombieIsFaster = true;
    await append(3);
    await reaches(publisher, 4);
    await append();
    await reaches(publisher, 5);
    expect(await published()).toEqual(upTo(5));
    expect(errors.map(({ code }) => code)).toEqual(['BUS_FENCED']);
  });

  it('publishes again what the bus lost', async () => {
    const publisher = start('a');
    await append(4);
    await reaches(publisher, 4);
    await publisher.stop();
    await manager.streams.delete(STREAM);
    await manager.streams.add({ name: STREAM, subjects: ['mandate.v1.*.event.*.*'], allow_atomic: true });
    const { name, epoch } = await store.head();
    const kept = await store.readAll({ from: 0, limit: 2 });
    await bus.publishBatch(
      kept.map((event) => busMessage(sourceOf(name, epoch), event)),
      0,
    );
    await reaches(start('b'), 4);
    expect(await published()).toEqual(upTo(4));
  });

  it('goes on at its checkpoint when the bus is empty', async () => {
    const publisher = start('a');
    await append(4);
    await reaches(publisher, 4);
    await publisher.stop();
    await manager.streams.delete(STREAM);
    await manager.streams.add({ name: STREAM, subjects: ['mandate.v1.*.event.*.*'], allow_atomic: true });
    await append(2);
    await reaches(start('b'), 6);
    expect(await published()).toEqual([5, 6]);
  });

  it.each(['beyond the head', 'another event at its position'])(
    'halts when the bus ends %s, and continues in a new epoch',
    async (kind) => {
      const publisher = start('a');
      await append(4);
      await reaches(publisher, 4);
      await publisher.stop();
      const restored = await testDatabase();
      const restoredStore = await EventStore.open({ databaseUrl: restored.url, keyring: new Keyring(MASTER_KEY), where });
      for (let i = 0; i < (kind === 'beyond the head' ? 2 : 5); i++) await restoredStore.append(entryFor(newStream(), 'no-stream'));
      const restoredSignal = await AppendSignal.start(restoredStore, restored.url);
      const make = (owner: string): Publisher =>
        new Publisher({ store: restoredStore, bus, signal: restoredSignal, owner, pollMs: 100, onError: (error) => errors.push(error) });
      const halting = make('b');
      await until(() => errors.some(({ code }) => code === 'LOG_ROLLED_BACK'), { what: 'the halt' });
      expect(halting.state).toBe('halted');
      await halting.stop();
      expect((await restoredStore.head()).epoch).toBe(2);
      const next = make('c');
      const { size } = await restoredStore.head();
      await restoredStore.append(entryFor(newStream(), 'no-stream'));
      await reaches(next, size + 1);
      expect((await published()).slice(-1)).toEqual([size + 1]);
      await next.stop();
      await restoredSignal.stop();
      await restoredStore.close();
      await restored.stop();
    },
  );
});

it('hears of other processes’ appends again after its connection broke', async () => {
  const owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  const ours = "application_name = 'mandate-listen' AND datname = current_database()";
  const { rows } = await owner.query<{ pid: number }>(`SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${ours}`);
  // The one that was ended may be shown for a while.
  const listening = `SELECT FROM pg_stat_activity WHERE ${ours} AND query = 'LISTEN es_append' AND state = 'idle' AND pid <> ALL ($1)`;
  await until(async () => (await owner.query(listening, [rows.map(({ pid }) => pid)])).rowCount, { what: 'the connection to come back' });
  const heard = signal.waitBeyond(0, 5_000);
  const other = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where });
  await other.append(entryFor(newStream(), 'no-stream'));
  expect(await heard).toBe(true);
  await other.close();
  await owner.end();
});
