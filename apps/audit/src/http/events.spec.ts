/** The search as callers see it, on the service alone and under its own role. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEventView, Page } from '@mandate/contracts';
import { inRole } from '@mandate/event-store';
import pg from 'pg';
import { startAuditScene, type AuditScene } from '../../spec/start-audit.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const COMPLETED = 'dev.mandate.delegation.completed.v1';

let scene: AuditScene;
beforeAll(async () => {
  scene = await startAuditScene();
  await scene.append('d1', [{ data: { steps: 2 }, personal: { goal: 'secret' } }, { type: COMPLETED }], { onBehalfOf: ['bob', 'board'] });
  await scene.append('d2', [{ outcome: 'denied', reason: 'NO_RIGHT' }], { actor: 'eve', traceparent: `00-${TRACE}-b7ad6b7169203331-01` });
  await scene.append('d3', [{}, { type: COMPLETED }]);
});
afterAll(() => scene.stop());

const search = async (query: string): Promise<AuditEventView[]> =>
  (await scene.get<Page<AuditEventView>>(`/api/audit/events?${query}`)).body.items;
const places = async (query: string): Promise<string[]> =>
  (await search(query)).map(({ resource }) => `${resource.id}.${resource.version}`);

describe('the search of the trail', () => {
  it('shows the whole record, newest first, with references for personal fields', async () => {
    const [, , , , first] = await search('');
    expect(first).toMatchObject({
      position: 1,
      action: 'dev.mandate.delegation.requested.v1',
      resource: { type: 'delegation', id: 'd1', version: 1 },
      actor: { kind: 'agent', id: 'ann', onBehalfOf: ['bob', 'board'] },
      outcome: 'success',
      where: { service: 'tests', instance: 'tests-1' },
      data: { steps: 2, goal: { $ref: `/api/delegations/d1/events/${first?.id}#goal` } },
    });
    expect(first?.leafHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['actor=eve', ['d2.1']],
    ['onBehalfOf=board', ['d1.2', 'd1.1']],
    [`action=${COMPLETED}`, ['d3.2', 'd1.2']],
    ['action=dev.mandate.delegation.', ['d3.2', 'd3.1', 'd2.1', 'd1.2', 'd1.1']],
    ['resource=delegation/d3', ['d3.2', 'd3.1']],
    ['resource=agent', []],
    ['outcome=denied', ['d2.1']],
    [`trace=${TRACE}`, ['d2.1']],
    ['until=2020-01-01T00:00:00Z', []],
    ['since=2020-01-01T00:00:00Z&actor=ann&limit=1', ['d3.2']],
    ['since=2999-01-01T00:00:00Z', []],
  ])('finds by %s', async (query, found) => expect(await places(query)).toEqual(found));

  it('shows who searched before', async () => {
    const [newest] = await search('limit=1');
    expect(newest).toMatchObject({
      action: 'dev.mandate.audit.read.v1',
      actor: { id: 'admin' },
      data: { operation: 'GET /api/audit/events' },
    });
  });

  it('goes on where the cursor says', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: { body: Page<AuditEventView> } = await scene.get(
        `/api/audit/events?action=dev.mandate.delegation.&limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...body.items.map(({ position }) => String(position)));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(['5', '4', '3', '2', '1']);
  });

  it('refuses a filter that it does not know', async () => {
    expect(await scene.get('/api/audit/events?who=ann')).toMatchObject({ status: 400, body: { code: 'UNKNOWN_FIELD' } });
  });
});

describe('the role of the service', () => {
  it.each([
    "UPDATE es.event SET type = ''",
    'DELETE FROM es.event',
    'INSERT INTO es.event (log_id, position) VALUES (1, 1)',
    "UPDATE es.subject_key SET kid = ''",
    'DELETE FROM es.checkpoint',
    "SELECT es.claim_partitions('me', '1 s')",
  ])('may not %s', async (statement) => {
    const client = new pg.Client({ connectionString: inRole(scene.auditorUrl, 'mandate_audit') });
    await client.connect();
    await expect(client.query(statement)).rejects.toThrow(/permission denied/);
    await client.end();
  });

  it('is the only way in for its login', async () => {
    const client = new pg.Client({ connectionString: scene.auditorUrl });
    await client.connect();
    await expect(client.query('SELECT FROM es.event')).rejects.toThrow(/permission denied/);
    await client.end();
  });
});
