/** What the log promises its readers: no gap, no late event, and a tree that recomputes. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
import { EventStore, extendFrontier, Keyring, leafHash, nodeHash, rootOfFrontier } from './index.js';
import { entryFor, MASTER_KEY, newStream, where } from './testing/entries.js';

let database: TestDatabase;
let stores: EventStore[];
let client: pg.Client;
beforeAll(async () => {
  database = await testDatabase();
  const open = (n: number): Promise<EventStore> =>
    EventStore.open({ databaseUrl: database.url, keyring: new Keyring(MASTER_KEY), where: { ...where, instance: `i${n}` } });
  stores = await Promise.all([0, 1, 2].map(open));
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await Promise.all(stores.map((store) => store.close()));
  await database.stop();
});

const first = (): EventStore => stores[0] as EventStore;

/** A writer that appends through SQL of its own, holds its transaction open, and takes half of them back. */
const slowWriter = async (rounds: number): Promise<number> => {
  const writer = new pg.Client({ connectionString: database.url });
  await writer.connect();
  let committed = 0;
  for (let round = 0; round < rounds; round++) {
    const { id } = newStream();
    await writer.query('BEGIN');
    await writer.query(
      `SELECT es.append(1::smallint, now(), ARRAY['default'], ARRAY['delegation'], ARRAY[$1], ARRAY[0::bigint], ARRAY[1], NULL, NULL, ARRAY[0],
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ARRAY[1], ARRAY['dev.mandate.slow'], NULL, ARRAY[1, length(c) + 1], c, NULL, NULL, NULL)
         FROM convert_to('{"data":{},"id":"slow","schemaVersion":1,"type":"dev.mandate.slow"}', 'UTF8') AS c`,
      [id],
    );
    await writer.query('SELECT pg_sleep(0.003)');
    const keep = round % 2 === 0;
    await writer.query(keep ? 'COMMIT' : 'ROLLBACK');
    if (keep) committed++;
  }
  await writer.end();
  return committed;
};

it('shows every reader every position, in order, while writers are slow and roll back', async () => {
  const writing = { done: false };
  const reader = async (): Promise<number[]> => {
    const seen: number[] = [];
    for (;;) {
      const last = writing.done;
      const events = await first().readAll({ from: seen.length, limit: 50 });
      seen.push(...events.map(({ position }) => position));
      if (events.length === 0 && last) return seen;
    }
  };
  const readers = [reader(), reader(), reader()];
  const writer = async (store: EventStore, n: number): Promise<number> => {
    let count = 0;
    for (let i = 0; i < 60; i++)
      count += (await store.append(entryFor(newStream(), i % 7 === 6 ? 3 : 'no-stream', 1 + ((i + n) % 3)))).ok ? 1 + ((i + n) % 3) : 0;
    return count;
  };
  const counts = await Promise.all([...stores.flatMap((store) => [writer(store, 0), writer(store, 1), writer(store, 2)]), slowWriter(30)]);
  writing.done = true;
  const total = counts.reduce((a, b) => a + b, 0);
  const contiguous = Array.from({ length: total }, (_, i) => i + 1);
  for (const seen of await Promise.all(readers)) expect(seen).toEqual(contiguous);
  expect((await first().head()).size).toBe(total);
});

describe('the frontier', () => {
  it('is that of the stored bytes, whatever the batches were', async () => {
    for (const count of [1, 2, 3, 5, 8, 13, 64, 100, 511]) await first().append(entryFor(newStream(), 'no-stream', count));
    const { rows } = await client.query<{ canonical: Buffer; leaf_hash: Buffer }>(
      'SELECT canonical, leaf_hash FROM es.event ORDER BY position',
    );
    let frontier: Buffer = Buffer.alloc(0);
    rows.forEach(({ canonical, leaf_hash }, i) => {
      expect(leaf_hash.equals(leafHash(canonical))).toBe(true);
      frontier = extendFrontier(i, frontier, leaf_hash);
    });
    const head = await first().head();
    expect(head.size).toBe(rows.length);
    expect(head.frontier.equals(frontier)).toBe(true);
    expect(rootOfFrontier(frontier).equals(treeHash(rows.map(({ leaf_hash }) => leaf_hash)))).toBe(true);
  });

  it('extends alike in SQL and here for every size and batch', async () => {
    const leaves = Array.from({ length: 40 }, (_, i) => leafHash(Buffer.from([i])));
    for (let size = 0; size <= 20; size++)
      for (let batch = 1; batch <= 20; batch++) {
        const before = leaves.slice(0, size).reduce<Buffer>((frontier, leaf, i) => extendFrontier(i, frontier, leaf), Buffer.alloc(0));
        const after = leaves
          .slice(0, size + batch)
          .reduce<Buffer>((frontier, leaf, i) => extendFrontier(i, frontier, leaf), Buffer.alloc(0));
        const { rows } = await client.query<{ f: Buffer }>('SELECT es.extend_frontier($1, $2, $3) AS f', [
          size,
          before,
          Buffer.concat(leaves.slice(size, size + batch)),
        ]);
        expect(rows[0]?.f.equals(after)).toBe(true);
      }
  });
});

interface InclusionVector {
  leafIdx: number;
  treeSize: number;
  root: string;
  leafHash: string;
  proof: string[] | null;
}

describe('the test vectors of transparency-dev', () => {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) =>
    leafHash(Buffer.from(hex, 'hex')),
  );
  const frontierOf = (size: number): Buffer =>
    leaves.slice(0, size).reduce<Buffer>((frontier, leaf, i) => extendFrontier(i, frontier, leaf), Buffer.alloc(0));
  const vector = (name: string): unknown => JSON.parse(readFileSync(new URL(`../fixtures/merkle/${name}.json`, import.meta.url), 'utf8'));

  it.each([0, 1, 2, 3, 4])('inclusion %i: leaf and root are ours', (n) => {
    const { leafIdx, treeSize, root, leafHash: leaf } = vector(`inclusion-${n}`) as InclusionVector;
    expect(leaves[leafIdx]?.toString('base64')).toBe(leaf);
    expect(rootOfFrontier(frontierOf(treeSize)).toString('base64')).toBe(root);
  });

  it.each([0, 1, 2, 3, 4].filter((n) => existsSync(new URL(`../fixtures/merkle/consistency-${n}.json`, import.meta.url))))(
    'consistency %i: both roots are ours',
    (n) => {
      const { size1, size2, root1, root2 } = vector(`consistency-${n}`) as { size1: number; size2: number; root1: string; root2: string };
      expect(rootOfFrontier(frontierOf(size1)).toString('base64')).toBe(root1);
      expect(rootOfFrontier(frontierOf(size2)).toString('base64')).toBe(root2);
    },
  );
});

/** RFC 6962 section 2.1, word for word. */
const treeHash = (hashes: readonly Buffer[]): Buffer => {
  if (hashes.length === 1) return hashes[0] as Buffer;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return nodeHash(treeHash(hashes.slice(0, k)), treeHash(hashes.slice(k)));
};
