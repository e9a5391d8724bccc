/** What a superuser of the database can do to the log, and by which check it is caught. Each drill is done to a copy of its own. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { AuditScene } from './audit-scene.js';

let scene: AuditScene;
let vkey: string;
let intact: string;
let backup: string;
let copies = 0;

beforeAll(async () => {
  scene = await AuditScene.start();
  await scene.appendMany('early', 500);
  await scene.signed();
  await scene.close();
  backup = await scene.copy('backup');
  await scene.open();
  await scene.appendMany('late', 200);
  writeFileSync(join(scene.folder, 'kept.checkpoint'), await scene.signed());
  vkey = scene.vkey;
  await scene.close();
  intact = scene.databaseUrl;
});
afterAll(() => scene.stop());
afterEach(async () => {
  await scene.close();
  scene.databaseUrl = intact;
});

const onCopy = async (...statements: string[]): Promise<void> => {
  scene.databaseUrl = intact;
  scene.databaseUrl = await scene.copy(`drill${copies++}`);
  await scene.tamper(...statements);
};

interface Found {
  status: number;
  /** `check at position`, or where it has none, `check at`. */
  found: string[];
}

const verify = async (): Promise<Found> => {
  const { status, json } = await scene.mandate(
    'verify',
    '--database',
    scene.databaseUrl,
    '--vkey',
    vkey,
    '--checkpoint',
    'kept.checkpoint',
    '--json',
  );
  const failures = json['failures'] as { check: string; at: string; position?: string }[];
  return { status, found: [...new Set(failures.map(({ check, at, position }) => `${check} ${position ?? basename(at)}`))] };
};

/** What the service says of its signer, once it says something that matches. */
const signerSays = (pattern: RegExp): Promise<unknown> =>
  until(async () => pattern.test(await (await fetch(`${scene.url}/health/ready`)).text()), {
    what: `a signer that says ${pattern}`,
    timeoutMs: 10_000,
  });

const FLIP = 'canonical = set_byte(canonical, 60, get_byte(canonical, 60) # 1)';
const REHASH = "UPDATE es.event SET leaf_hash = sha256('\\x00'::bytea || canonical) WHERE position = 300";
/** What the log's head says, made right again by one who knows how. */
const REFRONT = `UPDATE es.log SET size = (SELECT count(*) FROM es.event),
  frontier = es.extend_frontier(0, '', (SELECT string_agg(leaf_hash, '' ORDER BY position) FROM es.event))`;
const RETILE = `UPDATE audit.log_tile t SET hashes = (SELECT string_agg(leaf_hash, '' ORDER BY position) FROM es.event WHERE (position - 1) / 256 = t.index)
  WHERE level = 0`;

describe('a superuser', () => {
  it('who does nothing is not suspected', async () => {
    await onCopy();
    expect(await verify()).toEqual({ status: 0, found: [] });
  });

  it('who changes one byte of a record is found at its position', async () => {
    await onCopy(`UPDATE es.event SET ${FLIP} WHERE position = 300`);
    const { status, found } = await verify();
    expect({ status, first: found[0] }).toEqual({ status: 1, first: 'entry 300' });
    expect(found).toContain('tile 300');
  });

  it('who changes its hash with it is found by the tree that was signed, at its position', async () => {
    await onCopy(`UPDATE es.event SET ${FLIP} WHERE position = 300`, REHASH, REFRONT);
    const { status, found } = await verify();
    expect(status).toBe(1);
    expect(found).toEqual(expect.arrayContaining(['tile 300', 'root kept.checkpoint']));
  });

  it('who changes everything that follows from it too is found by what was kept elsewhere, and signed by nobody', async () => {
    await onCopy(`UPDATE es.event SET ${FLIP} WHERE position = 300`, REHASH, REFRONT, RETILE);
    const { status, found } = await verify();
    expect(status).toBe(1);
    expect(found).toEqual(expect.arrayContaining(['root kept.checkpoint', 'root audit.log_tree']));
    await scene.open();
    await scene.appendMany('on', 20);
    await signerSays(/another root|does not grow/);
  });

  it.each([
    ["tenant = 'another'"],
    ["stream_id = 'another'"],
    ["type = 'dev.mandate.delegation.completed.v1'"],
    ['version = 99'],
    ['schema_version = 2'],
  ])('who sets %s beside a record is found at its position', async (assignment) => {
    await onCopy(`UPDATE es.event SET ${assignment} WHERE position = 12`);
    expect(await verify()).toEqual({ status: 1, found: ['entry 12'] });
  });

  it('who deletes a row is found at its position', async () => {
    await onCopy('DELETE FROM es.event WHERE position = 300');
    const { status, found } = await verify();
    expect({ status, first: found[0] }).toEqual({ status: 1, first: 'presence 300' });
  });

  it('who deletes a row and closes the gap is found there', async () => {
    await onCopy('DELETE FROM es.event WHERE position = 690', 'UPDATE es.event SET position = position - 1 WHERE position > 690', REFRONT);
    const { status, found } = await verify();
    expect(status).toBe(1);
    expect(found).toEqual(expect.arrayContaining(['tile 690', 'consistency 700']));
  });

  it.each([['690000'], ['-5']])('who adds an event at position %s, where nobody counts, is found there', async (position) => {
    await onCopy(
      'CREATE TABLE es.event_of_nobody PARTITION OF es.event FOR VALUES FROM (-10) TO (1)',
      `INSERT INTO es.event SELECT log_id, ${position}, tenant, stream_type, stream_id, version + 1000, type, schema_version, recorded_at, canonical, leaf_hash
         FROM es.event WHERE position = 300`,
      `UPDATE es.stream s SET version = e.version, last_position = e.position FROM es.event e
        WHERE e.position = ${position} AND (s.type, s.id, s.tenant) = (e.stream_type, e.stream_id, e.tenant)`,
    );
    expect(await verify()).toEqual({ status: 1, found: [`presence ${position}`] });
  });

  it('who swaps two records is found at both positions', async () => {
    await onCopy(
      'CREATE TEMP TABLE two AS SELECT * FROM es.event WHERE position IN (100, 400)',
      `UPDATE es.event e SET canonical = t.canonical, leaf_hash = t.leaf_hash, tenant = t.tenant, stream_type = t.stream_type, stream_id = t.stream_id,
              version = t.version, type = t.type, schema_version = t.schema_version
         FROM two t WHERE e.position + t.position = 500`,
      REFRONT,
    );
    const { status, found } = await verify();
    expect(status).toBe(1);
    expect(found).toEqual(expect.arrayContaining(['tile 100', 'tile 400', 'root kept.checkpoint']));
  });

  it('who cuts the tail is found by the head that was kept, and signed by nobody', async () => {
    await onCopy('DELETE FROM es.event WHERE position > 650', REFRONT);
    const { status, found } = await verify();
    expect(status).toBe(1);
    expect(found).toEqual(expect.arrayContaining(['consistency 651']));
    await scene.open();
    await signerSays(/events are gone/);
  });

  it('who restores an old backup is found, also after the log has grown beyond what was signed', async () => {
    scene.databaseUrl = backup;
    expect(await verify()).toEqual({ status: 1, found: ['consistency 501'] });
    await scene.open();
    await signerSays(/700 were signed: events are gone/);
    await scene.appendMany('other', 300);
    await signerSays(/does not grow from the signed one of 700/);
    const { status, found } = await verify();
    expect({ status, found }).toEqual({ status: 1, found: ['root kept.checkpoint', 'root signed'] });
  });

  it('who cuts the tail is found by what the signer on the same machine remembers, without any key being named', async () => {
    await onCopy(
      'DELETE FROM es.event WHERE position > 650',
      REFRONT,
      'UPDATE audit.log_tree SET size = 0, signed_size = 0, checkpoint = NULL',
    );
    const { status, json } = await scene.mandate('verify', '--database', scene.databaseUrl, '--json');
    expect({ status, json }).toMatchObject({ status: 1, json: { failures: [{ check: 'consistency', position: '651' }] } });
  });

  it('who signs the log with a key of his own is found by the signature', async () => {
    await onCopy('UPDATE audit.log_tree SET size = 0, signed_size = 0, checkpoint = NULL');
    const { stateFolder } = scene;
    scene.stateFolder = join(scene.folder, 'stolen');
    await scene.open();
    await scene.signed();
    await scene.close();
    scene.stateFolder = stateFolder;
    const { status, found } = await verify();
    expect({ status, found }).toEqual({ status: 1, found: ['signature audit.log_tree'] });
  });
});
