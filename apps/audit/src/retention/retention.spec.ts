/** Retention as an operator sees it: what goes, what stays, and that every proof outlives it. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { HoldView, Page, RetentionRunView, RetentionView } from '@mandate/contracts';
import { leafHash } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import { FakeClock, until } from '@mandate/testing';
import pg from 'pg';
import { makeSmallPartitions } from '../../spec/small-partitions.js';
import { dropAuditGround, makeAuditGround, startAuditScene, type AuditGround, type AuditScene } from '../../spec/start-audit.js';

const ROWS = 20;
const DAY_MS = 86_400_000;
const newId = (): string => ulid(Date.now(), randomBytes(10));
const clock = new FakeClock(Date.now());

let ground: AuditGround;
let scene: AuditScene;
let owner: pg.Client;
beforeAll(async () => {
  ground = await makeAuditGround();
  scene = await startAuditScene(ground, clock);
  owner = new pg.Client({ connectionString: ground.database.url });
  await owner.connect();
  await makeSmallPartitions(owner, ROWS);
});
afterAll(async () => {
  await owner.end();
  await scene.stop();
  await dropAuditGround(ground);
});

const size = async (): Promise<number> => (await scene.store.head()).size;
const grow = async (to: number): Promise<void> => {
  while ((await size()) < to) {
    await owner.query(`SELECT es.ensure_event_partitions(${ROWS})`);
    await scene.append(newId(), [{ personal: { goal: 'x' } }, { type: 'dev.mandate.delegation.completed.v1' }], { open: false });
  }
};
/** The signer has caught up with what was appended. */
const signed = async (): Promise<void> => {
  const wanted = await size();
  const signedSize = async (): Promise<number> =>
    Number((await (await fetch(`${scene.served.url}/api/audit/log/checkpoint`)).text()).split('\n')[1]);
  await until(async () => (await signedSize()) >= wanted, { what: 'the log to be signed' });
};
const view = async (): Promise<RetentionView> => (await scene.get<RetentionView>('/api/audit/retention')).body;
const run = async (): Promise<RetentionRunView> => (await scene.post<RetentionRunView>('/api/audit/retention/run', undefined)).body;
const positions = async (): Promise<number[]> =>
  (await owner.query<{ position: string }>('SELECT position FROM es.event ORDER BY position')).rows.map(({ position }) => Number(position));

describe('retention', () => {
  let open: string;
  let across: string;
  it('keeps everything until a time is set', async () => {
    open = newId();
    await scene.append(open, [{ personal: { goal: 'goes on' }, data: { text: 'one line\u2028in two' } }], { open: true });
    await grow(ROWS - 1);
    across = newId();
    await scene.append(across, [{}], { open: true });
    await grow(2 * ROWS + 5);
    await scene.append(across, [{ type: 'dev.mandate.delegation.completed.v1' }], { open: false });
    await grow(3 * ROWS + 5);
    expect(await run()).toEqual({ retired: [], deadLetters: 0, stoppedBy: 'kept-for-good' });
    await scene.post('/api/audit/retention', { days: 30 });
    expect(await run()).toMatchObject({ retired: [], stoppedBy: 'too-young' });
  });

  it('waits for a legal hold, which erasure respects too', async () => {
    clock.advance(31 * DAY_MS);
    const { status, body: hold } = await scene.post<HoldView>('/api/audit/retention/holds', {
      of: 'delegation',
      delegationId: across,
      reason: 'a lawsuit',
    });
    expect({ status, hold }).toMatchObject({ status: 201, hold: { of: 'delegation', delegationId: across } });
    expect(await run()).toMatchObject({ retired: [], stoppedBy: 'held', holdId: hold.id });
    expect(await scene.post('/api/audit/erasures', { delegationId: across })).toMatchObject({ status: 409, body: { code: 'LEGAL_HOLD' } });
    expect((await view()).holds).toHaveLength(1);
    await scene.post(`/api/audit/retention/holds/${hold.id}/lift`, {});
    expect((await view()).holds).toEqual([]);
    expect(await scene.post(`/api/audit/retention/holds/${hold.id}/lift`, {})).toMatchObject({
      status: 404,
      body: { code: 'UNKNOWN_HOLD' },
    });
  });

  it('archives what is due, drops it, and keeps what is not over', async () => {
    await signed();
    const before = await positions();
    const { retired, stoppedBy } = await run();
    expect(retired.map(({ from, to }) => [from, to])).toEqual([
      [1, ROWS + 1],
      [ROWS + 1, 2 * ROWS + 1],
      [2 * ROWS + 1, 3 * ROWS + 1],
    ]);
    // The records of the run itself may have filled the next one.
    expect(stoppedBy).toMatch(/^not-(full|signed)$/);
    // What is still open stays, and what goes on behind the line; what ended in a later partition went with that one.
    const left = (await positions()).filter((position) => position <= 3 * ROWS);
    const kept = await owner.query<{ id: string; over: boolean }>(
      `SELECT DISTINCT s.id, NOT s.open AND s.last_position <= $1 AS over FROM es.event e JOIN es.stream s ON s.id = e.stream_id
        WHERE e.position <= $1 AND s.type = 'delegation'`,
      [3 * ROWS],
    );
    expect(kept.rows.map(({ id }) => id)).toContain(open);
    expect(kept.rows.map(({ id }) => id)).not.toContain(across);
    expect(kept.rows.filter(({ over }) => over)).toEqual([]);
    expect(left.length).toBeLessThan(ROWS);
    expect(before.filter((position) => position > 3 * ROWS).every((position) => !left.includes(position))).toBe(true);
    for (const { from, to, archive } of retired) {
      const bytes = await readFile(join(ground.stateFolder, 'archive', archive.file));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(archive.sha256);
      const lines = gunzipSync(bytes)
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { position: number; leafHash: string; canonical: string });
      expect(lines.map(({ position }) => position)).toEqual(Array.from({ length: to - from }, (_, i) => from + i));
      for (const line of lines) expect(leafHash(Buffer.from(line.canonical)).toString('hex')).toBe(line.leafHash);
    }
  });

  it('destroys the keys of what it drops, and appends go on', async () => {
    const { rows } = await owner.query<{ id: string }>(
      `SELECT id FROM es.stream WHERE type = 'delegation' AND data_key IS NOT NULL AND last_position <= $1`,
      [3 * ROWS],
    );
    expect(rows.map(({ id }) => id)).toEqual([open]);
    await grow((await size()) + 3);
    const stream = { type: 'delegation', id: open };
    expect((await scene.store.readStream({ tenant: 'default', stream, decrypt: true })).map(({ personal }) => personal)).toEqual([
      { goal: 'goes on' },
    ]);
  });

  it('shows each step in the trail', async () => {
    const { body } = await scene.get<Page<{ action: string; data: object }>>('/api/audit/events?resource=retention/log&limit=100');
    const actions = body.items.map(({ action }) => action.split('.')[3]);
    // Of these one for what the later lines took of the first partition: it was archived already.
    const archived = body.items.filter(({ action }) => action.includes('.retired.')).map(({ data }) => 'archive' in data);
    expect(archived.toSorted()).toEqual([false, true, true, true]);
    expect(actions).toEqual(expect.arrayContaining(['changed', 'holdplaced', 'holdlifted', 'ran']));
    const { partitions, days } = await view();
    expect(days).toBe(30);
    expect(partitions.slice(0, 3).every(({ retiredAt }) => retiredAt !== null)).toBe(true);
    expect(partitions[3]).toMatchObject({ retiredAt: null });
  });

  it('drops nothing that an archive does not hold', async () => {
    await grow(4 * ROWS);
    await signed();
    clock.advance(31 * DAY_MS);
    await owner.query('BEGIN');
    await owner.query('ALTER TABLE es.event DISABLE TRIGGER ALL');
    const last = 4 * ROWS - 1;
    const { rows } = await owner.query<{ name: string }>('SELECT tableoid::regclass::text AS name FROM es.event WHERE position = $1', [
      last,
    ]);
    await owner.query(`ALTER TABLE ${rows[0]?.name} DISABLE TRIGGER ALL`);
    await owner.query(`UPDATE ${rows[0]?.name} SET leaf_hash = sha256('tampered') WHERE position = $1`, [last]);
    await owner.query('COMMIT');
    expect(await scene.post('/api/audit/retention/run', undefined)).toMatchObject({ status: 500, body: { code: 'ARCHIVE_DIFFERS' } });
    expect(await positions()).toContain(last);
  });

  it.each([
    ['', { days: 0 }, 'INVALID_FIELD'],
    ['', {}, 'INVALID_FIELD'],
    ['/holds', { of: 'delegation' }, 'INVALID_FIELD'],
    ['/holds', { of: 'subject' }, 'INVALID_FIELD'],
    ['/holds', { of: 'everybody' }, 'INVALID_FIELD'],
  ])('refuses %s %j', async (path, body, code) =>
    expect(await scene.post(`/api/audit/retention${path}`, body)).toMatchObject({ status: 400, body: { code } }),
  );
});
