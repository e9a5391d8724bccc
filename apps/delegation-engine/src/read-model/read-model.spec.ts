import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventTypeName, type DelegationEvent } from '@mandate/delegation';
import { timestamp, ulid } from '@mandate/kernel';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { DataSource } from 'typeorm';
import { listDelegations, projectDelegations, READ_MODEL_ENTITIES, READ_MODEL_MIGRATIONS, type ListedEvent, type Query } from './index.js';

const START = Date.parse('2026-11-23T05:00:00.000Z');
const idOf = (n: number): string => ulid(START + n, new Uint8Array(10).fill(n));

let database: TestDatabase;
let dataSource: DataSource;
let statements: string[];
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
  statements = [];
  await dataSource.query('DELETE FROM rm.delegation');
});

const query: Query = (sql, parameters) => {
  statements.push(sql);
  return dataSource.query(sql, [...parameters]) as ReturnType<Query>;
};

let position = 0;
const at = (n: number, event: Pick<DelegationEvent, 'type' | 'data'>, tenant = 'default'): ListedEvent => ({
  type: eventTypeName(event.type),
  tenant,
  stream: { id: idOf(n) },
  data: event.data,
  occurredAt: timestamp(START + n),
  position: ++position,
});
const requested = (n: number, principal = 'ann', tenant?: string): ListedEvent =>
  at(
    n,
    {
      type: 'requested',
      data: { principal, pattern: 'auto', budget: { deadlineAt: timestamp(START), depth: 5, steps: 256 }, approval: 'never' },
    },
    tenant,
  );
const completed = (n: number): ListedEvent => at(n, { type: 'completed', data: { steps: 1, sinks: ['a'] } });
const started = (n: number): ListedEvent =>
  at(n, { type: 'stepstarted', data: { stepId: 'a', attempt: 1, instance: 'w', closeAt: timestamp(START) } });

const list = (rest: Partial<Parameters<typeof listDelegations>[2]> = {}, tenant = 'default') =>
  listDelegations(dataSource, tenant, { limit: 50, ...rest });
const ids = async (rest?: Parameters<typeof list>[0]): Promise<string[]> => (await list(rest)).items.map(({ id }) => id);

describe('the list of delegations', () => {
  it('takes a batch with one read and one write, and the same batch again without effect', async () => {
    const batch = Array.from({ length: 200 }, (_, n) => [requested(n), started(n)]).flat();
    await projectDelegations(query, batch);
    expect(statements).toHaveLength(2);
    const before = await list({ limit: 200 });
    await projectDelegations(query, batch);
    expect(await list({ limit: 200 })).toEqual(before);
    expect(before.items.every(({ state }) => state === 'TASK_STATE_WORKING')).toBe(true);
  });

  it('goes on where an earlier batch ended', async () => {
    await projectDelegations(query, [requested(1), started(1)]);
    await projectDelegations(query, [completed(1)]);
    expect((await list()).items).toMatchObject([{ state: 'TASK_STATE_COMPLETED', endedAt: timestamp(START + 1) }]);
  });

  it('forgets what was retired, and nothing that goes on', async () => {
    await projectDelegations(query, [requested(1), completed(1), requested(2)]);
    const line = position + 1;
    await projectDelegations(query, [requested(3), completed(3)]);
    const retired: ListedEvent = { ...requested(9), type: 'dev.mandate.retention.retired.v1', data: { from: 1, to: line } };
    await projectDelegations(query, [retired]);
    expect(await ids()).toEqual([idOf(3), idOf(2)]);
  });

  it('pages from the newest on, whatever comes meanwhile', async () => {
    await projectDelegations(
      query,
      [1, 2, 3, 4, 5].map((n) => requested(n)),
    );
    const first = await list({ limit: 2 });
    await projectDelegations(query, [requested(6)]);
    const second = await list({ limit: 2, cursor: first.nextCursor as string });
    const third = await list({ limit: 2, cursor: second.nextCursor as string });
    expect([first, second, third].flatMap(({ items }) => items.map(({ id }) => id))).toEqual([5, 4, 3, 2, 1].map(idOf));
    expect(third.nextCursor).toBeNull();
    await expect(list({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
  });

  it('filters by state, time, beginning of the id and principal, and keeps tenants apart', async () => {
    await projectDelegations(query, [
      requested(1),
      requested(2, 'eve'),
      requested(3),
      started(3),
      completed(1),
      requested(4, 'ann', 'other'),
    ]);
    expect(await ids({ state: 'TASK_STATE_COMPLETED' })).toEqual([idOf(1)]);
    expect(await ids({ state: 'TASK_STATE_WORKING' })).toEqual([idOf(3)]);
    expect(await ids({ pattern: 'meta' })).toEqual([]);
    expect(await ids({ since: timestamp(START + 3) })).toEqual([idOf(3)]);
    expect(await ids({ q: 'eve' })).toEqual([idOf(2)]);
    expect(await ids({ q: idOf(2).slice(0, 12) })).toEqual([idOf(2)]);
    expect(await ids({ q: '%' })).toEqual([]);
    expect((await list({}, 'other')).items).toHaveLength(1);
  });
});
