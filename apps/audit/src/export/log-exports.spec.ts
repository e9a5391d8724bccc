/** Exports over HTTP: complete, in order, provable, on record. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEventView, Page } from '@mandate/contracts';
import { canonicalJson, extendFrontier, leafHash, rootOfFrontier } from '@mandate/event-store';
import { until } from '@mandate/testing';
import { startAuditScene, type AuditScene } from '../../spec/start-audit.js';

const EVENTS = 1_234;

let scene: AuditScene;
beforeAll(async () => {
  scene = await startAuditScene();
  for (let i = 0; i < EVENTS; i += 617)
    await scene.append(
      `d${i}`,
      Array.from({ length: 617 }, (_, n) => ({ data: { n }, personal: { goal: 'Ünique goal' } })),
      { actor: i === 0 ? 'ann' : 'bob' },
    );
});
afterAll(() => scene.stop());

const download = (query: string): Promise<Response> => fetch(`${scene.served.url}/api/audit/export?${query}`);
const lines = async (query: string): Promise<string[]> => (await (await download(query)).text()).trimEnd().split(/\r?\n/);

describe('an export', () => {
  it('holds every record as it was hashed, so that its lines give the root that it names', async () => {
    const response = await download('format=jsonl');
    const exported = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(exported.map(({ position }) => position)).toEqual(Array.from({ length: EVENTS }, (_, i) => i + 1));
    let frontier: Buffer = Buffer.alloc(0);
    exported.forEach(({ record, leafHash: told }, i) => {
      const leaf = leafHash(Buffer.from(canonicalJson(record)));
      expect(leaf.toString('hex')).toBe(told);
      frontier = extendFrontier(i, frontier, leaf);
    });
    expect(response.headers.get('mandate-log-size')).toBe(String(EVENTS));
    expect(response.headers.get('mandate-log-root')).toBe(rootOfFrontier(frontier).toString('hex'));
    expect(response.headers.get('mandate-log-source')).toMatch(/^\/logs\/[0-9a-f]{32}\/epochs\/1$/);
    expect(JSON.stringify(exported)).not.toContain('nique goal');
  });

  it.each(['csv', 'ocsf', 'cef', 'syslog'])('in %s has a line for each event that was asked for', async (format) => {
    const found = await lines(`format=${format}&actor=bob`);
    expect(found.length - (format === 'csv' ? 1 : 0)).toBe(617);
    expect(found.at(-1)).toContain('bob');
  });

  it('goes on behind a position', async () => expect(await lines(`format=cef&after=${EVENTS - 3}&actor=bob`)).toHaveLength(3));

  it('is on record, with who and what', async () => {
    await (await download('format=csv&outcome=denied')).text();
    const { body } = await scene.get<Page<AuditEventView>>('/api/audit/events?action=dev.mandate.audit.exported.v1&limit=1');
    expect(body.items[0]).toMatchObject({
      actor: { kind: 'operator', id: 'admin' },
      resource: { type: 'audit', id: 'exports' },
      data: { format: 'csv', filter: { outcome: 'denied' }, after: 0, follow: false },
    });
  });

  it('follows what is recorded from now on', async () => {
    const { body } = await download('format=ocsf&follow=true&actor=eve');
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    const next = reader.read();
    await scene.append('later', [{}], { actor: 'eve' });
    expect(Buffer.from((await next).value ?? []).toString()).toContain('"uid":"eve"');
    await reader.cancel();
    await until(async () => (await scene.get('/api/audit/events?limit=1')).status === 200, { what: 'the service to go on' });
  });

  it('is refused in a format that there is not', async () =>
    expect(await scene.get('/api/audit/export?format=pdf')).toMatchObject({ status: 400, body: { code: 'INVALID_FIELD' } }));
});
