/** Section 4 of the contract: the command line against a running engine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from '@mandate/cli';
import { freePort, until } from '@mandate/testing';
import { newId, type Document } from './plain-requester.js';
import { completed, type PlainWorker } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
let held: PlainWorker;
let folder: string;

beforeAll(async () => {
  scene = await startScene();
  folder = mkdtempSync(join(tmpdir(), 'mandate-e2e-'));
  await scene.worker({ capabilities: [{ name: 'shout', description: 'Shout: write a text in capital letters', concurrency: 8 }] });
  held = await scene.worker({ capabilities: [{ name: 'hold', concurrency: 50 }], work: () => undefined });
});
afterAll(async () => {
  await scene.stop();
  rmSync(folder, { recursive: true });
});

interface Ran<Json = Document> {
  status: number;
  out: string;
  err: string;
  json: Json;
}

/** Runs a command and reads what it printed; `json` is the one document of `--json`. */
const mandate = async <Json = Document>(args: string[], url = scene.api.url): Promise<Ran<Json>> => {
  const ran = { out: '', err: '' };
  const streams = { stdout: { write: (text: string) => (ran.out += text) }, stderr: { write: (text: string) => (ran.err += text) } };
  const status = await run({ args, streams, env: { MANDATE_API_URL: url }, cwd: folder });
  return { status, ...ran, json: (/^\{.*\}\n$/.test(ran.out) ? JSON.parse(ran.out) : null) as Json };
};

const file = (request: Document): string => {
  const path = join(folder, `${newId()}.json`);
  writeFileSync(path, JSON.stringify(request));
  return path;
};

const ask = async (step: Document, fields: Document = {}): Promise<string> => {
  const request = { goal: 'do it', steps: [{ id: 'a', ...step }], ...fields };
  return (await mandate<{ id: string }>(['delegate', '--file', file(request), '--json'])).json.id;
};

describe('mandate delegate', () => {
  it('asks, and says which delegation it is', async () => {
    const { status, json } = await mandate(['delegate', 'Shout good morning', '--json', '--as', 'alice']);
    expect([status, Object.keys(json), json['state']]).toEqual([0, ['id', 'state'], 'TASK_STATE_SUBMITTED']);
    await scene.api.inState(json['id'] as string, 'COMPLETED');
    expect((await scene.requester.event(json['id'] as string, 'requested')).data).toMatchObject({ principal: 'alice' });
  });

  it('--wait shows the steps as they happen and prints the result', async () => {
    const { status, out } = await mandate(['delegate', 'Shout good morning', '--wait']);
    expect(status).toBe(0);
    expect(out).toContain('shout');
    expect(out).toContain('SHOUT GOOD MORNING');
  });

  it('--wait --json prints the one final document', async () => {
    const request = { goal: 'shout', steps: [{ id: 'a', capability: 'shout', goal: 'large' }] };
    const { status, json } = await mandate(['delegate', '--file', file(request), '--wait', '--json']);
    expect(status).toBe(0);
    expect(json).toMatchObject({ state: 'TASK_STATE_COMPLETED', result: 'LARGE', pattern: 'direct' });
  });

  it('ends with 1 when the delegation fails', async () => {
    const request = { goal: 'wait', steps: [{ id: 'a', capability: 'hold' }], budget: { deadline: 'PT1S' } };
    const { status, json } = await mandate(['delegate', '--file', file(request), '--wait', '--json']);
    expect([status, json['state']]).toEqual([1, 'TASK_STATE_FAILED']);
  });

  it.each<[string, Document]>([
    ['UNKNOWN_CAPABILITY', { goal: 'x', steps: [{ id: 'a', capability: 'levitate' }] }],
    ['UNKNOWN_FIELD', { goal: 'x', urgent: true }],
  ])('ends with 2 when it is used wrongly: %s', async (code, request) => {
    const { status, out, err } = await mandate(['delegate', '--file', file(request), '--json']);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(code);
  });

  it('ends with 1 when the answer is no, and with 3 when nobody is there', async () => {
    const request = { id: newId(), goal: 'shout', steps: [{ id: 'a', capability: 'shout' }] };
    expect((await mandate(['delegate', '--file', file(request)])).status).toBe(0);
    const conflict = await mandate(['delegate', '--file', file({ ...request, goal: 'whisper' })]);
    expect([conflict.status, conflict.err]).toEqual([1, expect.stringContaining('CONFLICT')]);
    const alone = await mandate(['delegate', 'anything'], `http://127.0.0.1:${await freePort()}`);
    expect([alone.status, alone.err]).toEqual([3, expect.stringContaining('UNREACHABLE')]);
  });
});

describe('learning', () => {
  it('explains a decision, and takes what somebody says of it', async () => {
    const goal = 'Shout the first line and then shout the second line';
    const { id } = (await mandate<{ id: string }>(['delegate', goal, '--json'])).json;
    await scene.api.inState(id, 'COMPLETED');
    expect((await mandate(['feedback', id, '--pattern', 'circular'])).err).toContain('INVALID_FIELD');
    expect((await mandate(['feedback', id])).status).toBe(2);
    expect((await mandate(['feedback', id, '--pattern', 'sequential', '--reason', 'it says then', '--as', 'ann'])).status).toBe(0);
    const { status, json } = await mandate(['explain', id, '--json']);
    expect(status).toBe(0);
    expect(json).toMatchObject({
      id,
      recognition: { digest: expect.any(String) as unknown },
      feedback: [{ pattern: 'sequential', by: 'ann' }],
    });
    const { out } = await mandate(['explain', id]);
    for (const told of ['sure', 'clauses', 'shout the second line', 'rule', 'planned by', 'ann says it was sequential'])
      expect(out).toContain(told);
    expect((await mandate(['explain', newId()])).status).toBe(1);
  });

  it('proposes templates', async () => {
    const steps = ['a', 'b', 'c'].map((id, i, ids) => ({ id, capability: 'shout', dependsOn: ids.slice(Math.max(0, i - 1), i) }));
    for (let i = 0; i < 2; i++) await mandate(['delegate', '--file', file({ goal: 'thrice', steps }), '--wait', '--json']);
    const proposed = async (): Promise<boolean> => (await mandate(['templates', '--uses', '2'])).out.includes('shout-to-shout');
    await until(proposed, { what: 'a template' });
    expect((await mandate(['templates', '--uses', '2', '--json'])).json).toMatchObject({
      items: [{ name: 'shout-to-shout', pattern: 'sequential', evidence: { succeeded: 2 } }],
    });
    expect((await mandate(['templates', '--uses', '900'])).out).toBe('none\n');
  });
});

describe('seeing', () => {
  it('status prints what the API says', async () => {
    const id = await ask({ capability: 'shout' });
    const view = await scene.api.inState(id, 'COMPLETED');
    const { status, json } = await mandate(['status', id, '--json']);
    expect([status, json]).toEqual([0, view]);
    expect((await mandate(['status', id])).out).toContain(id);
    expect((await mandate(['status', newId()])).status).toBe(1);
    expect((await mandate(['status'])).status).toBe(2);
  });

  it('list filters, agents lists', async () => {
    const id = await ask({ capability: 'hold' });
    await held.offer(({ delegationId }) => delegationId === id);
    const listed = await until(
      async () => {
        const { json } = await mandate<{ items: { id: string }[] }>(['list', '--state', 'working', '--q', id, '--json']);
        return json.items.length === 1 && json;
      },
      { what: 'the list to follow' },
    );
    expect(listed.items).toMatchObject([{ id, state: 'TASK_STATE_WORKING', principal: 'admin' }]);
    const agents = await mandate<{ items: { capabilities: { name: string; running: number }[] }[] }>(['agents', '--json']);
    expect(agents.json.items.flatMap(({ capabilities }) => capabilities.map(({ name }) => name)).sort()).toEqual(['hold', 'shout']);
    expect((await mandate(['list', '--state', 'sleeping'])).status).toBe(2);
    expect((await mandate(['cancel', id])).status).toBe(0);
  });

  it('watch follows to the end, one JSON line an event', async () => {
    const id = await ask({ capability: 'hold' });
    const offer = await held.offer(({ delegationId }) => delegationId === id);
    const watching = mandate(['watch', id, '--json']);
    await held.report(offer, { status: 'progress', progress: 'half' });
    await held.report(offer, completed('whole'));
    const { status, out } = await watching;
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(status).toBe(0);
    expect(events).toEqual(await scene.api.events(id));
  });
});

describe('steering', () => {
  it('cancel, also of what is watched', async () => {
    const id = await ask({ capability: 'hold' });
    const watching = mandate(['watch', id]);
    expect((await mandate(['cancel', id, '--reason', 'enough', '--json'])).json).toEqual({ id, state: 'TASK_STATE_CANCELED' });
    expect((await watching).status).toBe(1);
    expect((await mandate(['approve', id])).status).toBe(1);
  });

  it('approve and deny', async () => {
    const approved = await ask({ capability: 'shout', irreversible: true });
    await scene.api.inState(approved, 'INPUT_REQUIRED');
    expect((await mandate(['approve', approved, '--step', 'a', '--json'])).status).toBe(0);
    await scene.api.inState(approved, 'COMPLETED');
    const denied = await ask({ capability: 'shout' }, { approval: 'plan' });
    await scene.api.inState(denied, 'INPUT_REQUIRED');
    expect((await mandate(['deny', denied, '--reason', 'no', '--json'])).json).toEqual({ id: denied, state: 'TASK_STATE_FAILED' });
  });

  it('answer', async () => {
    const id = await ask({ capability: 'hold' });
    const offer = await held.offer(({ delegationId }) => delegationId === id);
    await held.report(offer, { status: 'input_required', question: { id: 'colour', text: 'Which colour?' } });
    await scene.api.inState(id, 'INPUT_REQUIRED');
    expect((await mandate(['answer', id, '--question', 'colour'])).status).toBe(2);
    expect((await mandate(['answer', id, '--question', 'colour', '--answer', '{"name":"blue"}', '--json'])).status).toBe(0);
    const again = await held.offer(({ delegationId, attempt }) => delegationId === id && attempt === 2);
    expect(again.answers).toEqual({ colour: { name: 'blue' } });
    await held.report(again, completed('painted'));
    await scene.api.inState(id, 'COMPLETED');
  });
});
