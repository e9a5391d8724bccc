import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from '@mandate/contracts';
import { startAuditScene, type AuditScene } from '../../spec/start-audit.js';

let scene: AuditScene;
beforeAll(async () => {
  scene = await startAuditScene();
  for (let i = 0; i < 12; i++) {
    const planned = { by: 'rules', pattern: 'direct', steps: [{ id: 's1', capability: i < 10 ? 'search' : 'rare', dependsOn: [] }] };
    await scene.append(`d${i}`, [
      { data: { principal: `requester-${i}`, pattern: 'auto' }, personal: { goal: 'buy a ring' } },
      { type: 'dev.mandate.delegation.planned.v1', data: planned },
      { type: 'dev.mandate.delegation.completed.v1', data: { steps: 1 } },
    ]);
  }
});
afterAll(() => scene.stop());

it('gives a row a delegation that names nobody, and is on record', async () => {
  const response = await fetch(`${scene.served.url}/api/audit/learning`);
  const text = await response.text();
  const rows = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { planned: { capabilities: string[] }; outcome: string });
  expect(rows.map(({ planned, outcome }) => `${planned.capabilities.join()} ${outcome}`)).toEqual([
    ...Array<string>(10).fill('search completed'),
    ...Array<string>(2).fill('other completed'),
  ]);
  expect(text).not.toMatch(/requester|ring|rare|"d\d/);
  const { body } = await scene.get<Page<{ data: object }>>('/api/audit/events?action=dev.mandate.audit.exported.v1');
  expect(body.items[0]?.data).toMatchObject({ format: 'learning' });
});
