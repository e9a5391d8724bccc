import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { noPrefixes, putPrefix, SEGMENT_SIZE } from '@mandate/audit-trail';
import { Database } from '@mandate/event-store';
import { decode128, encode128 } from '@mandate/kernel';
import { seeded, testDatabase, type TestDatabase } from '@mandate/testing';
import { migrateAudit } from '../migrations/index.js';
import { foldRun, forgetRuns, placesOf } from './event-places.js';

const { pick } = seeded(11);
const BYTES = Array.from({ length: 256 }, (_, i) => i);
const ids = Array.from({ length: 40 }, () => encode128(Uint8Array.from({ length: 16 }, () => pick(BYTES))));
/** One in each segment, twice over the run. */
const positionOf = (i: number): number => (16 + (i % 16)) * SEGMENT_SIZE + 100 * i + 1;

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await testDatabase();
  await migrateAudit(server.url);
  database = new Database({ databaseUrl: server.url });
  await database.transaction(async (client) => {
    for (let segment = 16; segment < 32; segment++) {
      const prefixes = noPrefixes();
      ids.slice(0, 32).forEach((id, i) => {
        if (segment === 16 + (i % 16)) putPrefix(prefixes, (positionOf(i) - 1) % SEGMENT_SIZE, id);
      });
      await client.query('INSERT INTO audit.segment (segment, ids) VALUES ($1, $2)', [segment, Buffer.from(prefixes)]);
    }
  });
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

const expectAll = async (): Promise<void> => {
  for (const [i, id] of ids.slice(0, 32).entries())
    expect(await placesOf(database, id)).toEqual({ positions: [positionOf(i)], indexedTo: 32 * SEGMENT_SIZE });
  for (const id of ids.slice(32)) expect((await placesOf(database, id)).positions).toEqual([]);
};

describe('the place of an event by its id', () => {
  it('is found beside its segment', expectAll);

  it('stays there until the run of segments is complete', async () => {
    await database.transaction((client) => foldRun(client, 30));
    await expectAll();
  });

  it('is found in the run that its segments were folded into', async () => {
    await database.transaction((client) => foldRun(client, 31));
    await expectAll();
    expect(await database.query({ name: 'left', text: 'SELECT FROM audit.segment WHERE ids IS NOT NULL' })).toHaveLength(0);
  });

  it('is found where an older version of the service wrote it down', async () => {
    const [id = ''] = ids.slice(-1);
    const number = Buffer.from(decode128(id)).readBigInt64BE().toString();
    await database.query({ name: 'older', text: 'INSERT INTO audit.event_place (id, position) VALUES ($1, 7)' }, [number]);
    expect((await placesOf(database, id)).positions).toEqual([7]);
  });

  it('goes with the last segment of the run', async () => {
    await database.transaction((client) => forgetRuns(client, 31));
    expect((await placesOf(database, ids[0] as string)).positions).toEqual([positionOf(0)]);
    await database.transaction((client) => forgetRuns(client, 32));
    expect((await placesOf(database, ids[0] as string)).positions).toEqual([]);
  });
});
