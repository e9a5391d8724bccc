/** Partitions of one engine while the store or the bus is away for a moment. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PARTITIONS } from '@mandate/contracts';
import { EventStore, Keyring } from '@mandate/event-store';
import { createLogger } from '@mandate/service-host';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { Partitions, type PartitionsOptions } from './partitions.js';

let database: TestDatabase;
let store: EventStore;
beforeAll(async () => {
  database = await testDatabase();
  store = await EventStore.open({
    databaseUrl: database.url,
    keyring: new Keyring(randomBytes(32).toString('hex')),
    where: { service: 'tests', instance: 'tests' },
  });
});
afterAll(async () => {
  await store.close();
  await database.stop();
});

const ALL = Array.from({ length: PARTITIONS }, (_, n) => n);

/** An engine whose store does not answer while `isAway`, and whose bus fails for the partitions of `unreachable`. */
const engine = (
  instance: string,
): { partitions: Partitions; away: (is: boolean) => void; unreachable: Set<number>; gained: number[]; lost: number[] } => {
  let isAway = false;
  const unreachable = new Set<number>();
  const [gained, lost]: [number[], number[]] = [[], []];
  const flaky = {
    claimPartitions: (...args: Parameters<EventStore['claimPartitions']>) =>
      isAway ? Promise.reject(new Error('the database system is starting up')) : store.claimPartitions(...args),
    releasePartitions: (owner: string) => store.releasePartitions(owner),
  } as PartitionsOptions['store'];
  const partitions = new Partitions({
    store: flaky,
    instance,
    logger: createLogger({ service: 'tests', instance, level: 'silent' }),
    gained: async (partition) => {
      if (unreachable.has(partition)) throw new Error('the bus does not answer');
      gained.push(partition);
    },
    lost: async (partition) => void lost.push(partition),
  });
  return { partitions, away: (is) => (isAway = is), unreachable, gained, lost };
};

it('are taken and renewed again after the store was away', async () => {
  const { partitions, away } = engine('a');
  away(true);
  await expect(partitions.tick()).rejects.toThrow('starting up');
  expect(partitions.owned).toEqual([]);
  away(false);
  await partitions.tick();
  expect(partitions.owned).toEqual(ALL);
  away(true);
  await expect(partitions.tick()).rejects.toThrow('starting up');
  away(false);
  await partitions.tick();
  expect(partitions.owned).toEqual(ALL);
  await partitions.stop();
});

it('are gained again when their messages could not be had at first', async () => {
  const { partitions, unreachable, gained, lost } = engine('b');
  unreachable.add(3).add(7);
  await expect(partitions.tick()).rejects.toThrow('the bus does not answer');
  expect(partitions.owned).toEqual(ALL.filter((n) => n !== 3 && n !== 7));
  expect(lost).toEqual([3, 7]);
  unreachable.clear();
  await partitions.tick();
  expect(partitions.owned).toEqual(ALL);
  expect([...gained].sort((x, y) => x - y)).toEqual(ALL);
  await partitions.stop();
});
