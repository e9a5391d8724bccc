/** The index against what reading everything finds, over segments and the part that is not indexed yet. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SEGMENT_SIZE, termGroups, type SearchFilter } from '@mandate/audit-trail';
import type { AuditEventView, Page } from '@mandate/contracts';
import type { JsonObject } from '@mandate/kernel';
import { seeded, until } from '@mandate/testing';
import pg from 'pg';
import { startAuditScene, type AuditScene } from '../../spec/start-audit.js';
import { auditView, LogReader } from '../log/log-reader.js';
import { isIn } from './log-search.js';

const EVENTS = 2 * SEGMENT_SIZE + 700;
const ACTORS = ['ann', 'bob', 'eve'];
const CODES = ['NO_WORKER', 'CANCELED', 'DENIED'];

let scene: AuditScene;
let all: AuditEventView[];

beforeAll(async () => {
  scene = await startAuditScene();
  const { pick } = seeded(7);
  for (let i = 0; i < EVENTS; i += 100) {
    const events = Array.from({ length: Math.min(100, EVENTS - i) }, () => ({
      data: { code: pick(CODES) },
      personal: { note: 'private' },
      outcome: pick(['success', 'failure'] as const),
    }));
    await scene.append(`d${i}`, events, {
      actor: pick(ACTORS),
      traceparent: `00-${String(i).padStart(32, '0')}-b7ad6b7169203331-01`,
      dataSubject: pick(ACTORS),
    });
  }
  await scene.append('rare', [{ type: 'dev.mandate.delegation.denied.v1', data: { code: 'RARE' } }]);
  const client = new pg.Client({ connectionString: scene.database.url });
  await client.connect();
  await until(async () => (await client.query('SELECT FROM audit.segment')).rowCount === 2, {
    what: 'both segments',
  });
  await client.end();
  all = (await new LogReader(scene.store.database).chunk(1, EVENTS + 1)).map(auditView).reverse();
}, 60_000);
afterAll(() => scene.stop());

it.each<SearchFilter>([
  {},
  { actor: 'eve' },
  { actor: 'eve', outcome: 'failure', q: 'no worker' },
  { q: 'rare' },
  { trace: String(400).padStart(32, '0') },
  { actor: 'nobody', outcome: 'success' },
])('finds by %j what reading everything finds, page by page', async (filter) => {
  const scope = { tenant: 'default', groups: termGroups(filter, (action) => [action]), stream: null, first: 1, last: EVENTS };
  const expected = all.filter((event) => isIn(event, scope)).map(({ position }) => position);
  const found: number[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query = new URLSearchParams({ ...filter, limit: '500', ...(cursor ? { cursor } : {}) });
    const page: Page<AuditEventView> = (await scene.get<Page<AuditEventView>>(`/api/audit/events?${query}`)).body;
    found.push(...page.items.map(({ position }) => position));
    cursor = page.nextCursor;
  }
  expect(found).toEqual(expected);
});

it('leads from ids to positions, indexed or not yet', async () => {
  for (const { id, position } of [all.at(-1), all.at(-SEGMENT_SIZE), all.at(-SEGMENT_SIZE - 1), all[0]] as AuditEventView[]) {
    const proof = async (): Promise<string> => (await fetch(`${scene.served.url}/api/audit/log/proofs/${id}`)).text();
    await until(async () => (await proof()).includes(`\nindex ${position - 1}\n`), { what: `the proof of event ${position}` });
  }
  expect((await scene.get('/api/audit/log/proofs/00000000000000000000000000')).status).toBe(404);
});

it('finds data subjects by the way', async () => {
  const client = new pg.Client({ connectionString: scene.database.url });
  await client.connect();
  const read = async (text: string): Promise<unknown[]> => (await client.query<{ v: unknown }>(text)).rows.map(({ v }) => v);
  expect(await read(`SELECT position >= ${2 * SEGMENT_SIZE} AS v FROM audit.subject_index`)).toEqual([true]);
  const streams = Array.from({ length: Math.ceil((2 * SEGMENT_SIZE) / 100) }, (_, i) => `d${100 * i} ${100 * i + 1}`);
  expect(
    await read(
      `SELECT stream_id || ' ' || position AS v FROM audit.subject_stream WHERE position <= ${2 * SEGMENT_SIZE} ORDER BY position`,
    ),
  ).toEqual(streams);
  await client.end();
});

it('forgets what retention dropped', async () => {
  const client = new pg.Client({ connectionString: scene.database.url });
  await client.connect();
  await client.query('ALTER TABLE es.event DISABLE TRIGGER ALL; ALTER TABLE es.event_1 DISABLE TRIGGER ALL');
  await client.query('DELETE FROM es.event WHERE position <= $1', [SEGMENT_SIZE]);
  await until(async () => (await client.query('SELECT FROM audit.segment')).rowCount === 1, { what: 'the segment to go' });
  expect((await client.query('SELECT FROM audit.term WHERE segment = 0')).rowCount).toBe(0);
  await client.end();
  const { body } = await scene.get<Page<AuditEventView>>('/api/audit/events?q=rare');
  expect(body.items).toHaveLength(1);
});

it('finds who looked at an aggregate beside what happened to it, newest first, when both are indexed', async () => {
  const look = async (data: JsonObject): Promise<void> => {
    const [stream, actor] = [{ type: 'audit', id: 'reads-tests' }, { kind: 'operator', id: 'grace' } as const];
    const events = [{ type: 'dev.mandate.audit.read.v1', occurredAt: '2026-11-25T12:00:00.000Z', data }];
    await scene.store.append({ tenant: 'default', stream, expected: 'any', events, actor, correlationId: 'c' });
  };
  await scene.append('seen', [{}, {}]);
  await look({ resource: 'delegation/seen' });
  await look({ resource: 'delegation/other' });
  await scene.append('seen', [{}]);
  await look({ resources: ['delegation/other', 'delegation/seen'] });
  const indexed = { name: 'third_segment', text: 'SELECT FROM audit.segment WHERE segment = 2' };
  for (let i = 0; i < SEGMENT_SIZE; i += 100)
    await scene.append(
      `more${i}`,
      Array.from({ length: 100 }, () => ({})),
    );
  await until(async () => (await scene.store.database.query(indexed)).length > 0, { what: 'the third segment' });
  const search = async (query: string): Promise<string[]> =>
    (await scene.get<Page<AuditEventView>>(`/api/audit/events?resource=delegation/seen${query}`)).body.items.map(
      ({ resource }) => `${resource.type}.${resource.version}`,
    );
  expect(await search('')).toEqual(['audit.3', 'delegation.3', 'audit.1', 'delegation.2', 'delegation.1']);
  expect(await search('&actor=grace')).toEqual(['audit.3', 'audit.1']);
  expect(await search('&limit=2')).toEqual(['audit.3', 'delegation.3']);
});
