/** Receipts of delegations that really ran, verified with the public key alone. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Document } from '../e2e/plain-requester.js';
import { startScene, type Scene } from '../e2e/start-scene.js';
import { AuditScene, type Ran } from './audit-scene.js';

let scene: Scene;
let audit: AuditScene;
beforeAll(async () => {
  scene = await startScene();
  audit = await AuditScene.start({ database: scene.world.database });
  await scene.worker({ capabilities: [{ name: 'shout', concurrency: 8 }] });
});
afterAll(async () => {
  await audit.stop();
  await scene.stop();
});

const ended = async (request: Document, state: string): Promise<string> => {
  const { id } = await scene.requester.ask(request);
  await scene.api.inState(id, state);
  await audit.signed();
  expect((await audit.mandate('receipt', id, '--out', `${id}.receipt`)).status).toBe(0);
  return id;
};
const verify = (id: string, by = '--receipt'): Promise<Ran> => audit.mandate('verify', by, `${id}.receipt`, '--vkey', audit.vkey, '--json');

describe('the receipt of a delegation', () => {
  it('says what was asked, chosen, rejected, done and spent, and verifies offline', async () => {
    await scene.api.post('/api/scheduling', { type: 'set-limit', kind: 'key', name: 'k', max: 5 });
    const steps = [
      { id: 'a', capability: 'shout' },
      { id: 'b', capability: 'shout', dependsOn: ['a'] },
    ];
    const id = await ended({ goal: 'a secret goal', steps, budget: { usd: '0.40' } }, 'COMPLETED');
    const { status, json } = await verify(id);
    const digest = expect.stringMatching(/^[0-9a-f]{64}$/) as unknown;
    const done = { capability: 'shout', attempts: 1, outcome: 'stepsucceeded', result: digest, worker: expect.any(String) };
    expect({ status, json }).toMatchObject({
      status: 0,
      json: {
        intact: true,
        statement: {
          delegation: id,
          asked: { principal: 'tester', digest, pattern: 'auto' },
          decided: { chosen: 'sequential', confidence: 1, rejected: expect.any(Array), model: expect.any(String), fallback: null },
          policy: { approval: 'irreversible', flow: { version: expect.any(Number) } },
          budget: { usd: '0.40' },
          steps: [
            { ...done, id: 'a' },
            { ...done, id: 'b', dependsOn: ['a'] },
          ],
          outcome: { state: 'TASK_STATE_COMPLETED' },
        },
      },
    });
    expect(readFileSync(join(audit.folder, `${id}.receipt`), 'utf8')).not.toContain('secret');
    expect((await audit.mandate('verify', '--receipt', `${id}.receipt`, '--vkey', audit.vkey)).out).toMatch(
      /✔ receipt intact\n {2}delegation {4}\S+\n {2}asked .* by tester, request [0-9a-f]{64}\n {2}chosen {8}sequential 1[^\n]*\n(.*\n)* {2}step a {8}shout on /,
    );
    expect((await verify(id, '--proof')).json).toMatchObject({ verified: 'receipt', intact: true });
  });

  it('says how it failed', async () => {
    const id = await ended(
      { goal: 'x', steps: [{ id: 'a', capability: 'shout' }], budget: { deadline: 'PT0.05S' }, pattern: 'parallel' },
      'REJECTED',
    );
    expect((await verify(id)).json).toMatchObject({
      intact: true,
      statement: { outcome: { state: 'TASK_STATE_REJECTED', code: 'PATTERN_MISMATCH' } },
    });
  });

  it('does not verify when anything in it is another', async () => {
    const id = await ended({ goal: 'x', steps: [{ id: 'a', capability: 'shout' }] }, 'COMPLETED');
    const file = join(audit.folder, `${id}.receipt`);
    const text = readFileSync(file, 'utf8');
    const receipt = JSON.parse(text) as { statement: { steps: { attempts: number }[] }; evidence: { record: string; position: string }[] };
    const forged = async (change: (copy: typeof receipt) => void): Promise<unknown> => {
      const copy = structuredClone(receipt);
      change(copy);
      writeFileSync(file, JSON.stringify(copy));
      const { status, json } = await verify(id);
      return [status, (json['failures'] as { check: string }[])[0]?.check];
    };
    expect(await forged(() => undefined)).toEqual([0, undefined]);
    expect(await forged(({ statement }) => (statement.steps[0]!.attempts = 2))).toEqual([1, 'signature']);
    expect(await forged(({ evidence }) => (evidence.at(-1)!.position = '1'))).toEqual([1, 'inclusion']);
    expect(await forged(({ evidence }) => (evidence[1]!.record = evidence[2]!.record))).toEqual([1, 'inclusion']);
    expect(await forged(({ evidence }) => evidence.pop())).toEqual([1, 'statement']);
    expect(await forged((copy) => (copy.evidence = []))).toEqual([1, 'statement']);
  });

  it('is not given before the end, nor for what is not there', async () => {
    await scene.worker({ capabilities: [{ name: 'hold' }], work: () => undefined });
    const { id } = await scene.requester.ask({ goal: 'x', steps: [{ id: 'a', capability: 'hold' }] });
    await scene.api.inState(id, 'WORKING');
    expect(await audit.mandate('receipt', id)).toMatchObject({ status: 1, err: expect.stringContaining('NOT_ENDED') });
    expect(await audit.mandate('receipt', newId())).toMatchObject({ status: 1, err: expect.stringContaining('NOT_FOUND') });
  });
});
