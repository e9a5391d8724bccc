import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventTypeName, type DelegationEvent } from '@mandate/delegation';
import { timestamp, ulid } from '@mandate/kernel';
import { figuresOf, reputationEventName } from '@mandate/scheduling';
import { seeded, testDatabase, type TestDatabase } from '@mandate/testing';
import { DataSource } from 'typeorm';
import {
  projectReputation as project,
  READ_MODEL_ENTITIES,
  READ_MODEL_MIGRATIONS,
  standingsBehind,
  type ListedEvent,
  type Query,
  type StandingRow,
} from './index.js';

const START = Date.parse('2026-11-23T05:00:00.000Z');
const HOUR = 3_600_000;

let database: TestDatabase;
let dataSource: DataSource;
beforeAll(async () => {
  database = await testDatabase({ template: 'empty' });
  dataSource = await new DataSource({
    type: 'postgres',
    url: database.url,
    entities: READ_MODEL_ENTITIES,
    migrations: READ_MODEL_MIGRATIONS,
  }).initialize();
  await dataSource.runMigrations();
});
afterAll(async () => {
  await dataSource.destroy();
  await database.stop();
});
beforeEach(async () => {
  position = 0;
  await dataSource.query('TRUNCATE rm.worker_reputation, rm.worker_attempt, rm.reputation_setting');
});

const query: Query = (sql, parameters) => dataSource.query(sql, [...parameters]);
const rows = (): Promise<StandingRow[]> => standingsBehind(dataSource, 0);
const openAttempts = async (): Promise<number> => Number((await query('SELECT count(*) FROM rm.worker_attempt', []))[0]?.['count']);

let position = 0;
const listed = (type: string, id: string, at: number, data: unknown): ListedEvent => ({
  type,
  tenant: 'default',
  stream: { id },
  data,
  occurredAt: timestamp(START + at),
  position: ++position,
});
const idOf = (n: number): string => ulid(START + n, new Uint8Array(10));
const step = (n: number, at: number, type: DelegationEvent['type'], data: object = {}): ListedEvent =>
  listed(eventTypeName(type), idOf(n), at, { stepId: 'a', attempt: 1, ...data });
const began = (n: number, at: number, instance = 'w1'): ListedEvent[] => {
  const closeAt = timestamp(START + at + HOUR);
  return [
    step(n, at, 'stepdispatched', { lease: 1, instance, capability: 'search', effects: 'none', reason: 'first', closeAt }),
    step(n, at, 'stepstarted', { instance, closeAt }),
  ];
};
const configured = (at: number, halfLifeMs: number): ListedEvent =>
  listed(reputationEventName('configured'), 'workers', at, { halfLifeMs, floor: 0.5, minVolume: 20, quietMs: HOUR, by: 'ann', reason: '' });

/** Attempts of three workers that overlap, end in every way, and a change of the half-life amid them. */
const story = (seed: number, attempts: number): ListedEvent[] => {
  const random = seeded(seed);
  const events: ListedEvent[] = [];
  const open: number[] = [];
  for (let n = 0; n < attempts; n++) {
    const at = n * 60_000;
    events.push(...began(n, at, `w${random.integer(1, 3)}`));
    open.push(n);
    if (n === Math.floor(attempts / 2)) events.push(configured(at, HOUR));
    while (open.length > random.integer(0, 12)) {
      const [ended = 0] = open.splice(random.integer(0, open.length - 1), 1);
      const end = random.pick(['stepsucceeded', 'stepfailed', 'stepretried', 'canceled', 'inputrequired'] as const);
      events.push(step(ended, at + random.integer(1, 60_000), end, { code: 'X', counts: true, cancels: [] }));
    }
  }
  return events;
};

describe('what attempts say about workers', () => {
  it('is counted by worker and capability, from their events', async () => {
    await project(query, [...began(1, 0), step(1, 400, 'stepsucceeded'), ...began(2, 0, 'w2'), step(2, 500, 'stepfailed', { code: 'X' })]);
    const shown = (await rows()).map(({ instance, capability, standing }) => ({ instance, capability, ...figuresOf(standing) }));
    expect(shown).toEqual([
      expect.objectContaining({ instance: 'w1', capability: 'search', successRate: 1, latencyMs: 400, volume: 1 }),
      expect.objectContaining({ instance: 'w2', capability: 'search', successRate: 0, latencyMs: null, volume: 1 }),
    ]);
    expect(await openAttempts()).toBe(0);
  });

  it('bridges batches, and forgets what a delegation that ended leaves open', async () => {
    await project(query, began(1, 0));
    await project(query, began(2, 0));
    expect(await openAttempts()).toBe(2);
    await project(query, [step(1, 900, 'stepsucceeded'), step(2, 900, 'canceled')]);
    expect(await openAttempts()).toBe(0);
    expect((await rows()).map(({ standing }) => [standing.succeeded, standing.observations])).toEqual([[1, 1]]);
  });

  it('is the same to the last bit, however the log is cut into batches', async () => {
    const events = story(7, 200);
    await project(query, events);
    const [atOnce, open] = [await rows(), await openAttempts()];
    expect(atOnce).toHaveLength(3);
    expect(atOnce.every(({ standing }) => standing.observations > 20)).toBe(true);
    for (const size of [1, 17]) {
      await dataSource.query('TRUNCATE rm.worker_reputation, rm.worker_attempt, rm.reputation_setting');
      for (let from = 0; from < events.length; from += size) await project(query, events.slice(from, from + size));
      expect(await rows()).toEqual(atOnce);
      expect(await openAttempts()).toBe(open);
    }
  });

  it('does not change when a batch comes a second time', async () => {
    const events = story(11, 60);
    await project(query, events);
    const once = await rows();
    await project(query, events);
    expect(await rows()).toEqual(once);
  });

  it('fades as the tenant says from then on', async () => {
    const failed = (n: number, at: number): ListedEvent[] => [...began(n, at), step(n, at, 'stepfailed', { code: 'X' })];
    await project(query, [configured(0, HOUR), ...failed(1, 0), ...failed(2, HOUR)]);
    expect((await rows())[0]?.standing.failed).toBe(1.5);
    await project(query, [configured(HOUR, HOUR / 2), ...failed(3, 2 * HOUR)]);
    expect((await rows())[0]?.standing.failed).toBe(1.375);
  });
});
