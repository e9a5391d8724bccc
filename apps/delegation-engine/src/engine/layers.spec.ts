import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventTypeName } from '@mandate/delegation';
import { EventStore, Keyring, type NewEvent, type RecordedEvent } from '@mandate/event-store';
import { timestamp, ulid } from '@mandate/kernel';
import { shippedDigest, shippedModel } from '@mandate/recognition-model';
import { createLogger } from '@mandate/service-host';
import { testDatabase, testNats, type TestDatabase, type TestNats } from '@mandate/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { Layers, SNAPSHOT_EVERY } from './layers.js';
import { modelsWith } from './models.js';
import { teaching } from './teaching.js';

const START = Date.parse('2026-11-23T05:00:00.000Z');
const TENANT = 'default';
const PATTERNS = ['direct', 'sequential', 'parallel', 'meta'] as const;
const THINGS = ['report', 'letter', 'contract', 'survey', 'ledger', 'memo', 'chart'];
const goalOf = (n: number): string =>
  `Check the ${THINGS[n % THINGS.length] ?? ''} and file the ${THINGS[(n * 3 + 1) % THINGS.length] ?? ''}, number ${n}`;
const idOf = (n: number): string => ulid(START + n, new Uint8Array(10).fill(n));

let database: TestDatabase;
let nats: TestNats;
let connection: NatsConnection;
let store: EventStore;
const keyring = new Keyring('ab'.repeat(32));
const engine = (models = modelsWith()): Layers =>
  new Layers({
    connection,
    store,
    keyring,
    logger: createLogger({ service: 'tests', instance: 't', level: 'silent' }),
    models,
  });

beforeAll(async () => {
  [database, nats] = await Promise.all([testDatabase(), testNats()]);
  connection = await connect({ servers: nats.url });
  store = await EventStore.open({ databaseUrl: database.url, keyring, where: { service: 'tests', instance: 't' } });
});
afterAll(async () => {
  await store.close();
  await connection.close();
  await Promise.all([database.stop(), nats.stop()]);
});

/** A delegation that somebody said something of. */
const told = async (n: number): Promise<RecordedEvent> => {
  const occurredAt = timestamp(START + n);
  const budget = { deadlineAt: occurredAt, depth: 5, steps: 256 };
  const events: NewEvent[] = [
    {
      type: eventTypeName('requested'),
      occurredAt,
      data: { principal: 'ann', pattern: 'auto', budget, approval: 'never' },
      personal: { goal: goalOf(n) },
    },
    {
      type: eventTypeName('feedbackgiven'),
      occurredAt,
      data: { pattern: PATTERNS[n % 4] ?? 'direct', by: 'ann', commandId: `c${n}` },
      personal: { reason: '' },
    },
  ];
  const stream = { type: 'delegation', id: idOf(n) };
  const actor = { kind: 'agent' as const, id: 'ann' };
  const result = await store.append({ tenant: TENANT, stream, expected: 'no-stream', events, actor, correlationId: stream.id });
  if (!result.ok) throw new Error(result.message);
  return result.events[1] as RecordedEvent;
};

describe('the layer of a tenant', () => {
  const LESSONS = SNAPSHOT_EVERY + 6;
  let heard: RecordedEvent[];
  let digests: string[];
  const bytesOf = async (layers: Layers): Promise<Uint8Array> => (await layers.current(TENANT)).recogniser.bytes();

  beforeAll(async () => {
    const layers = engine();
    const { react } = teaching(store, layers);
    heard = [];
    digests = [];
    for (let n = 0; n < LESSONS; n++) {
      heard.push(await told(n));
      await react(heard.slice(-1));
      digests.push((await layers.current(TENANT)).digest);
    }
  }, 60_000);

  it('is another one after every lesson', () => expect(new Set(digests).size).toBeGreaterThan(LESSONS - 8));

  it('is the same for every engine that reads the log, from a snapshot or from the beginning', async () => {
    const snapshots = await store.database.query({ name: 'snapshots', text: 'SELECT version FROM es.snapshot' }, []);
    expect(snapshots.map(({ version }) => Number(version))).toEqual([SNAPSHOT_EVERY]);
    const resumed = engine();
    const { version, digest } = await resumed.current(TENANT);
    expect([version, digest]).toEqual([LESSONS, digests.at(-1)]);
    const replayed = await engine().at(TENANT, LESSONS);
    expect(Buffer.compare(replayed.recogniser.bytes(), await bytesOf(resumed))).toBe(0);
  });

  it.each([1, 17, LESSONS - 1])('can be had again as it was after %i lessons', async (lessons) => {
    expect((await engine().at(TENANT, lessons)).digest).toBe(digests[lessons - 1]);
  });

  it('hears nothing twice', async () => {
    const layers = engine();
    await teaching(store, layers).react(heard);
    expect((await layers.current(TENANT)).version).toBe(LESSONS);
  });

  it('answers at once for a tenant that it has not read, and by its lessons from then on', async () => {
    const layers = engine();
    const input = { text: goalOf(1), tools: [] };
    expect(layers.recognise(TENANT, input).answeredBy).toEqual({ digest: shippedDigest() });
    await layers.current(TENANT);
    expect(layers.recognise(TENANT, input).answeredBy).toEqual({ digest: digests.at(-1), layer: LESSONS });
    expect(layers.recognise('nobody', input).answeredBy).toEqual({ digest: shippedDigest() });
    await layers.current('nobody');
  });

  it("is folded anew over an operator's model, which answers nobody else where it holds one tenant's lessons", async () => {
    const { header, ...parts } = shippedModel();
    const own = { digest: 'c'.repeat(64), model: { ...parts, header: { ...header, trainedOn: 'd'.repeat(64), tenant: TENANT } } };
    const layers = engine(modelsWith(own));
    const { version, digest } = await layers.current(TENANT);
    expect(version).toBe(LESSONS);
    expect(digest).not.toBe(digests.at(-1));
    const input = { text: goalOf(1), tools: [] };
    expect(layers.recognise(TENANT, input).answeredBy).toEqual({ digest, layer: LESSONS });
    expect(layers.recognise('nobody', input).answeredBy).toEqual({ digest: shippedDigest() });
    await layers.current('nobody');
    await layers.save(TENANT);
    expect((await engine(modelsWith(own)).current(TENANT)).digest).toBe(digest);
    expect((await engine().current(TENANT)).digest).toBe(digests.at(-1));
  });

  it('forgets what was erased, in memory, beside the log and when it is folded anew', async () => {
    const layers = engine();
    await layers.current(TENANT);
    const owner = new pg.Client({ connectionString: database.url });
    await owner.connect();
    await owner.query('UPDATE es.stream SET data_key = NULL WHERE id = $1', [idOf(3)]);
    await owner.end();
    store.forgetKeys();
    await store.append({
      tenant: TENANT,
      stream: { type: 'erasure', id: idOf(900) },
      expected: 'no-stream',
      events: [{ type: 'dev.mandate.erasure.completed.v1', occurredAt: timestamp(START), data: {} }],
      actor: { kind: 'service', id: 'audit' },
      correlationId: idOf(900),
    });
    await layers.load();
    const forgetting = await layers.current(TENANT);
    expect(forgetting.digest).not.toBe(digests.at(-1));
    expect(forgetting.recogniser.state.outcomes).toBe(LESSONS - 1);
    const resumed = await engine().current(TENANT);
    expect(Buffer.compare(resumed.recogniser.bytes(), forgetting.recogniser.bytes())).toBe(0);
    expect((await engine().at(TENANT, LESSONS)).digest).toBe(forgetting.digest);
  });
});
