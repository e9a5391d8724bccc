/** Erasure as callers see it: what becomes unreadable, what stays, and that no backup brings it back. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ErasureView, Page } from '@mandate/contracts';
import { DeadLetters, Keyring, leafHash, type RecordedEvent } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import { copyOfDatabase } from '@mandate/testing';
import { randomBytes } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dropAuditGround, makeAuditGround, startAuditScene, type AuditGround, type AuditScene } from '../../spec/start-audit.js';

const ANN = 'ann@example.org';
const BOB = 'bob@example.org';
const goal = { goal: 'find out about Ann' };
const output = { output: 'Ann lives at the harbour' };
const newId = (): string => ulid(Date.now(), randomBytes(10));
const succeeded = { type: 'dev.mandate.delegation.stepsucceeded.v1', personal: output };

let ground: AuditGround;
let scene: AuditScene;
beforeAll(async () => {
  ground = await makeAuditGround();
  scene = await startAuditScene(ground);
});
afterAll(async () => {
  await scene.stop();
  await dropAuditGround(ground);
});

/** A delegation of a person with a result, which the engine writes under the delegation's own key. */
const delegated = async (on: AuditScene, dataSubject: string | undefined, children: string[] = []): Promise<string> => {
  const id = newId();
  await on.append(id, [{ personal: goal }], dataSubject === undefined ? {} : { dataSubject });
  const admitted = children.map((childId) => ({ type: 'dev.mandate.delegation.childadmitted.v1', data: { childId } }));
  await on.append(id, [...admitted, succeeded]);
  return id;
};
const personalOf = async (on: AuditScene, id: string): Promise<unknown[]> => {
  on.store.forgetKeys();
  const events: RecordedEvent[] = await on.store.readStream({ tenant: 'default', stream: { type: 'delegation', id }, decrypt: true });
  return events.filter(({ personal }) => personal !== undefined).map(({ personal }) => personal);
};
const GONE = [{ erased: true }, { erased: true }];
const KEPT = [goal, output];
const erase = (body: unknown, on = scene): Promise<{ status: number; body: ErasureView & { code?: string } }> =>
  on.post('/api/audit/erasures', body);

describe('an erasure', () => {
  it('reaches a person’s delegations and what they led to, results and dead letters too, and nobody else’s', async () => {
    const child = await delegated(scene, undefined);
    const [mine, parent, other] = [await delegated(scene, ANN), await delegated(scene, ANN, [child]), await delegated(scene, BOB)];
    const letters = new DeadLetters(scene.store.database, new Keyring(ground.masterKey));
    const park = (source: string, payload: object): Promise<string> =>
      letters.park({ tenant: 'default', source, reason: 'X', detail: '', payload: Buffer.from(JSON.stringify(payload)) });
    await park('elsewhere', { goal: 'x', dataSubject: ANN });
    await park(`mandate.v1.default.result.${mine}.s1.1`, { output: 'x' });
    const kept = await park('elsewhere', { goal: 'x', dataSubject: BOB });
    const { status, body } = await erase({ dataSubject: ANN, reason: 'she asked us to' });
    expect({ status, body }).toMatchObject({ status: 200, body: { of: 'subject', delegations: 3, keys: 4, deadLetters: 2, reapplied: 0 } });
    expect(body.completedAt).not.toBeNull();
    for (const id of [mine, parent, child]) expect(await personalOf(scene, id)).toEqual(GONE);
    expect(await personalOf(scene, other)).toEqual(KEPT);
    expect((await letters.list('default', { limit: 10 })).map(({ id }) => id)).toEqual([kept]);
    expect((await erase({ dataSubject: ANN })).body).toMatchObject({ delegations: 3, keys: 0, deadLetters: 0 });
  });

  it('changes no event, and is one itself that names nobody', async () => {
    const rows = await scene.store.database.query({ name: 'all', text: 'SELECT canonical, leaf_hash FROM es.event ORDER BY position' });
    for (const row of rows) expect((row['leaf_hash'] as Buffer).equals(leafHash(row['canonical'] as Buffer))).toBe(true);
    const { body } = await scene.get<Page<ErasureView>>('/api/audit/erasures?limit=1');
    const found = await scene.get<Page<{ action: string }>>(`/api/audit/events?resource=erasure/${body.items[0]?.id}`);
    expect(found.body.items.map(({ action }) => action)).toEqual(['dev.mandate.erasure.completed.v1', 'dev.mandate.erasure.requested.v1']);
    const trail =
      Buffer.concat(rows.map((row) => row['canonical'] as Buffer)).toString() +
      (await readFile(join(ground.stateFolder, 'erasures.jsonl'), 'utf8'));
    for (const secret of [ANN, 'she asked us to']) expect(trail).not.toContain(secret);
    expect(body.nextCursor).not.toBeNull();
    const next = await scene.get<Page<ErasureView>>(`/api/audit/erasures?limit=500&cursor=${body.nextCursor}`);
    expect(next.body).toMatchObject({ items: [{ of: 'subject', by: 'admin' }], nextCursor: null });
  });

  it('of one delegation reaches it and those below it', async () => {
    const child = await delegated(scene, undefined);
    const [parent, other] = [await delegated(scene, undefined, [child]), await delegated(scene, undefined)];
    expect((await erase({ delegationId: parent })).body).toMatchObject({ of: 'delegation', delegations: 2, keys: 2 });
    expect([await personalOf(scene, parent), await personalOf(scene, child), await personalOf(scene, other)]).toEqual([GONE, GONE, KEPT]);
  });

  it('waits for what still runs', async () => {
    const id = newId();
    await scene.append(id, [{ personal: goal }], { dataSubject: 'carol', open: true });
    const preview = await scene.post('/api/audit/erasures/preview', { dataSubject: 'carol' });
    expect(preview).toEqual({ status: 200, body: { of: 'subject', delegations: 1, subjectKeys: 1, running: [id] } });
    expect(await erase({ dataSubject: 'carol' })).toMatchObject({ status: 409, body: { code: 'ERASURE_IN_USE', running: [id] } });
    await scene.append(id, [succeeded], { open: false });
    expect((await erase({ dataSubject: 'carol' })).status).toBe(200);
  });

  it.each([
    [{}, 'INVALID_FIELD'],
    [{ dataSubject: 7 }, 'INVALID_FIELD'],
    [{ dataSubject: 'x', everything: true }, 'UNKNOWN_FIELD'],
    [{ delegationId: newId() }, 'NOT_FOUND'],
  ])('refuses %j', async (body, code) => expect(await erase(body)).toMatchObject({ body: { code } }));
});

describe('after a start', () => {
  it('a backup from before does not bring the person back', async () => {
    const own = await makeAuditGround();
    const first = await startAuditScene(own);
    const [mine, other] = [await delegated(first, ANN), await delegated(first, BOB)];
    await first.stop();
    const backup = await copyOfDatabase(own.database);
    const second = await startAuditScene(own);
    await erase({ dataSubject: ANN }, second);
    const later = await delegated(second, ANN);
    await second.stop();
    const restored = await startAuditScene({ ...own, database: backup });
    expect(await personalOf(restored, mine)).toEqual(GONE);
    expect(await personalOf(restored, other)).toEqual(KEPT);
    expect((await restored.get<Page<ErasureView>>('/api/audit/erasures')).body.items).toMatchObject([{ keys: 2, reapplied: 1 }]);
    await restored.stop();
    const third = await startAuditScene(own);
    expect(await personalOf(third, later)).toEqual(KEPT);
    await third.stop();
    await backup.stop();
    await dropAuditGround(own);
  });

  it('an erasure that a crash cut off is completed', async () => {
    const own = await makeAuditGround();
    const first = await startAuditScene(own);
    const mine = await delegated(first, ANN);
    const keyring = new Keyring(own.masterKey);
    const subject = keyring.blindIndex('default', ANN);
    const kids = await first.store.database.query({ name: 'kids', text: 'SELECT kid FROM es.subject_key' });
    await first.store.append({
      tenant: 'default',
      stream: { type: 'erasure', id: newId() },
      expected: 'no-stream',
      events: [
        {
          type: 'dev.mandate.erasure.requested.v1',
          occurredAt: new Date().toISOString(),
          data: { of: 'subject', subject: subject.toString('hex'), kids: kids.map((row) => row['kid'] as string), delegations: 1 },
        },
      ],
      actor: { kind: 'operator', id: 'op' },
      correlationId: 'x',
      open: true,
    });
    await first.stop();
    // The line in the list was cut off as well.
    await appendFile(join(own.stateFolder, 'erasures.jsonl'), '{"id":"01K');
    const second = await startAuditScene(own);
    expect(await personalOf(second, mine)).toEqual(GONE);
    expect((await second.get<Page<ErasureView>>('/api/audit/erasures')).body.items).toMatchObject([{ by: 'op', keys: 2, delegations: 1 }]);
    await second.stop();
    expect(await readFile(join(own.stateFolder, 'erasures.jsonl'), 'utf8')).toMatch(/^\{"id":"01K\n\{.*\}\n$/);
    await writeFile(join(own.stateFolder, 'erasures.jsonl'), 'scrambled}\n');
    await expect(startAuditScene(own)).rejects.toMatchObject({ code: 'ERASURES_UNREADABLE' });
    await dropAuditGround(own);
  });
});
