/** Who is shown what is on record before it is shown: each route of the inventory that says so, and none that says otherwise. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { newId } from '../e2e/plain-requester.js';
import { startScene, type Scene } from '../e2e/start-scene.js';
import { AuditScene } from './audit-scene.js';
import { ROUTES } from './inventory.js';

interface Recorded {
  actor: { kind: string; id: string };
  outcome: string;
  traceparent: string;
  data: { via: string; operation: string; resource?: string; count: number };
}

const READ = `SELECT convert_from(canonical, 'UTF8')::jsonb AS record FROM es.event WHERE type = 'dev.mandate.audit.read.v1' ORDER BY position`;

let scene: Scene;
let audit: AuditScene;
/** Of what there is to read. */
const ids = {} as Record<'delegation' | 'event' | 'letter' | 'schedule', string>;
beforeAll(async () => {
  scene = await startScene();
  audit = await AuditScene.start({ database: scene.world.database });
  await scene.worker({ capabilities: ['shout'] });
  await scene.worker({
    capabilities: ['break'],
    work: () => ({ status: 'failed', error: { code: 'DOWN', message: 'no', retryable: false } }),
  });
  const ask = async (capability: string, state: string): Promise<string> => {
    const { id } = await scene.requester.ask({ goal: 'read me', steps: [{ id: 'a', capability }] });
    await scene.api.inState(id, state);
    return id;
  };
  ids.delegation = await ask('shout', 'COMPLETED');
  ids.event = (await scene.api.events(ids.delegation))[0]?.id as string;
  const failed = await ask('break', 'FAILED');
  const letters = `/api/delegations/dead-letters?delegationId=${failed}`;
  const letter = await until(async () => (await scene.api.get<{ items: { id: string }[] }>(letters)).body.items[0], {
    what: 'a dead letter',
  });
  ids.letter = letter.id;
  const request = { goal: 'read me', steps: [{ id: 'a', capability: 'shout' }] };
  ids.schedule = (await scene.api.post('/api/delegations/schedules', { cron: '@yearly', request })).body['id'] as string;
  await audit.signed();
}, 60_000);
afterAll(async () => {
  await audit.stop();
  await scene.stop();
});

const readBy = async (principal: string): Promise<Recorded[]> =>
  (await scene.query(READ)).rows.map(({ record }) => record as Recorded).filter(({ actor }) => actor.id === principal);
let callers = 0;
const newCaller = (): string => `reader-${callers++}`;
const ask = (principal: string, method: string, path: string, body?: object, headers = {}): Promise<Response> =>
  fetch((path.startsWith('/api/audit') ? audit.url : scene.engine.url) + path, {
    method,
    headers: { 'mandate-principal': principal, ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

/** What to ask where a route needs more than its own path: path, body, and the resource that is on record then. */
const asked = (route: string): { path: string; body?: object; resource?: string } => {
  const path = (route.split(' ')[1] as string).replace(':stepId', 'a').replace(':eventId', ids.event);
  switch (route) {
    case 'GET /api/delegations/dead-letters/:id':
      return { path: path.replace(':id', ids.letter), resource: `deadletter/${ids.letter}` };
    case 'GET /api/delegations/schedules/:id':
      return { path: path.replace(':id', ids.schedule), resource: `schedule/${ids.schedule}` };
    case 'GET /api/audit/log/proofs/:event':
      return { path: path.replace(':event', '1'), resource: 'event/1' };
    case 'GET /api/audit/log/tile/*path':
      return { path: path.replace('*path', 'entries/000.p/1'), resource: 'log/entries' };
    case 'GET /api/audit/events':
      return { path: `${path}?resource=delegation/${ids.delegation}`, resource: `delegation/${ids.delegation}` };
    case 'POST /api/scheduling':
      return { path, body: { type: 'resume', kind: 'capability', name: 'shout' } };
    case 'POST /api/agents/reputation':
      return { path, body: { minVolume: 5 } };
    case 'POST /api/audit/retention':
      return { path, body: { days: 400 } };
    case 'POST /api/audit/erasures/preview':
      return { path, body: { delegationId: ids.delegation } };
    default:
      return path.includes(':')
        ? { path: path.replace(/:id|:delegationId/, ids.delegation), resource: `delegation/${ids.delegation}` }
        : { path };
  }
};
const routesThat = (leave: (record: (typeof ROUTES)[string]) => boolean): string[] =>
  Object.entries(ROUTES).flatMap(([route, record]) => (leave(record) ? [route] : []));

describe('what a caller is shown', () => {
  it.each(routesThat((record) => record.includes('audit.read')))('by %s is on record when it is answered', async (route) => {
    const caller = newCaller();
    const { path, body, resource } = asked(route);
    const response = await ask(caller, route.split(' ')[0] as string, path, body);
    expect([response.status, await readBy(caller)]).toEqual([
      200,
      [
        expect.objectContaining({
          actor: { kind: 'operator', id: caller },
          outcome: 'success',
          traceparent: response.headers.get('traceparent'),
          data: {
            via: 'http',
            operation: route,
            ...(resource === undefined ? {} : { resource }),
            count: 1,
            first: expect.any(String),
            last: expect.any(String),
          },
        }),
      ],
    ]);
    await response.arrayBuffer();
  });

  it('is no read where nobody’s data is shown, or where an event of its own says so', async () => {
    const caller = newCaller();
    const others = routesThat((record) => !record.includes('audit.read')).filter((route) => route.startsWith('GET '));
    expect(others.length).toBeGreaterThan(5);
    const answers = others.map((route) => `${route.split(' ')[1]}${route.endsWith('consistency') ? '?from=1' : ''}`);
    for (const path of [
      ...answers,
      '/api/audit/log/tile/0/000.p/1',
      '/api/audit/export/proof?size=1',
      '/health/ready',
      '/metrics',
      '/openapi.json',
    ])
      await (await ask(caller, 'GET', path)).arrayBuffer();
    expect(await readBy(caller)).toEqual([]);
  });

  it('is no read when it is refused: that is on record as refused', async () => {
    const caller = newCaller();
    expect((await ask(caller, 'GET', `/api/delegations/${newId()}`)).status).toBe(404);
    expect((await ask(caller, 'GET', '/api/delegations?nonsense=1')).status).toBe(400);
    expect(await readBy(caller)).toEqual([]);
  });

  it('by HEAD counts, too, and so does a stream, once, when it opens', async () => {
    const caller = newCaller();
    await ask(caller, 'HEAD', `/api/delegations/${ids.delegation}`);
    const { id } = await scene.requester.ask({ goal: 'wait', approval: 'plan', steps: [{ id: 'a', capability: 'shout' }] });
    await scene.api.inState(id, 'INPUT_REQUIRED');
    const stream = await ask(caller, 'GET', `/api/delegations/${id}/events`, undefined, { accept: 'text/event-stream' });
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    await scene.api.post(`/api/delegations/${id}/approve`);
    await stream.text();
    expect((await readBy(caller)).map(({ data: { operation, resource, count } }) => [operation, resource, count])).toEqual([
      ['HEAD /api/delegations/:id', `delegation/${ids.delegation}`, 1],
      ['GET /api/delegations/:id/events', `delegation/${id}`, 1],
    ]);
  });

  it('is found by what was shown, by whom, and by what was done, and stays out of the story', async () => {
    const caller = newCaller();
    await (await ask(caller, 'GET', `/api/delegations/${ids.delegation}`)).text();
    await (await ask(caller, 'GET', '/api/agents')).text();
    const found = async (...filter: string[]): Promise<string[]> =>
      (await audit.mandate('events', ...filter, '--limit', '500')).out.split('\n').filter((line) => line.includes(` ${caller} `));
    expect(await found('--resource', ids.delegation, '--action', 'audit.read')).toEqual([
      expect.stringMatching(new RegExp(`audit\\.read +delegation/${ids.delegation} +success`)),
    ]);
    expect(await found('--resource', `delegation/${ids.delegation}`)).toHaveLength(1);
    expect(await found('--resource', `delegation/${newId()}`)).toEqual([]);
    expect(await found('--actor', caller)).toHaveLength(2);
    expect(await found('--action', 'audit.')).toEqual(expect.arrayContaining([expect.stringContaining('GET /api/agents')]));
    const { items, nextCursor } = (await audit.mandate('events', '--resource', ids.delegation, '--limit', '3', '--json')).json as never;
    const older = (await audit.mandate('events', '--resource', ids.delegation, '--cursor', nextCursor, '--limit', '500', '--json')).json;
    const positions = [...(items as { position: number }[]), ...(older['items'] as { position: number }[])].map(({ position }) => position);
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => b - a));
  });
});

describe('whoever asks again and again', () => {
  it('leaves two events, also when the process ends meanwhile', async () => {
    const caller = newCaller();
    const polls = 40;
    for (let i = 0; i < polls; i++) await (await ask(caller, 'GET', `/api/audit/retention`)).text();
    expect((await readBy(caller)).map(({ data }) => data.count)).toEqual([1]);
    await audit.closeService();
    expect((await readBy(caller)).map(({ data }) => data.count)).toEqual([1, polls - 1]);
  });
});
