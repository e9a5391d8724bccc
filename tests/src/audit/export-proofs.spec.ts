/** An export on another machine: its files and a public key, no service and no database; and what becomes of it when somebody changes something. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@mandate/cli';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditScene, type Ran } from './audit-scene.js';

const FORMATS = ['jsonl', 'csv', 'ocsf', 'cef', 'syslog'];
let scene: AuditScene;
let elsewhere: string;

beforeAll(async () => {
  scene = await AuditScene.start();
  await scene.appendMany('a', 600);
  await scene.append('words', [{ data: { text: 'a "quoted", =line\nwith\r\nbreaks and ünicode \u2028' }, personal: { goal: 'secret' } }]);
  await scene.append('of-another', [{}, {}], { tenant: 'other' });
  await scene.appendMany('b', 100);
  elsewhere = mkdtempSync(join(tmpdir(), 'mandate-elsewhere-'));
  writeFileSync(join(elsewhere, 'log.vkey'), scene.vkey);
  for (const format of FORMATS) {
    expect((await scene.mandate('export', '--format', format, '--out', join(scene.folder, format))).status).toBe(0);
    expect(
      (await scene.mandate('export', '--format', format, '--resource', 'delegation/words', '--out', join(scene.folder, `one-${format}`)))
        .status,
    ).toBe(0);
    for (const name of [format, `one-${format}`])
      for (const file of [name, `${name}.proof`]) copyFileSync(join(scene.folder, file), join(elsewhere, file));
  }
}, 60_000);
afterAll(async () => {
  await scene.stop();
  rmSync(elsewhere, { recursive: true });
});

/** With nothing of ours but the program: no address leads anywhere. */
const verify = async (file: string, ...more: string[]): Promise<Ran> => {
  const ran = { out: '', err: '' };
  const streams = { stdout: { write: (text: string) => (ran.out += text) }, stderr: { write: (text: string) => (ran.err += text) } };
  const env = { MANDATE_API_URL: 'http://127.0.0.1:1', DATABASE_URL: 'postgres://127.0.0.1:1/none' };
  const status = await run({
    args: ['audit', 'verify', '--export', file, '--vkey', 'log.vkey', ...more, '--json'],
    streams,
    env,
    cwd: elsewhere,
  });
  return { status, ...ran, json: ran.out.startsWith('{') ? (JSON.parse(ran.out) as Record<string, unknown>) : {} };
};

const lines = (file: string): string[] => readFileSync(join(elsewhere, file), 'utf8').split(/(?<=\n)/);
const changed = (file: string, change: (lines: string[]) => string[]): string => {
  writeFileSync(join(elsewhere, `changed-${file}`), change(lines(file)).join(''));
  return `changed-${file}`;
};
const swap = (at: number, all: string[]): string[] => all.with(at, all[at + 1] as string).with(at + 1, all[at] as string);

describe('an export with its proof', () => {
  it.each(FORMATS)('as %s is intact on another machine, all of it and one event of it', async (format) => {
    expect(await verify(format)).toMatchObject({
      status: 0,
      json: { verified: 'export', intact: true, format, tenant: 'default', complete: false },
    });
    expect(await verify(`one-${format}`)).toMatchObject({ status: 0, json: { events: 1, filter: { resource: 'delegation/words' } } });
  });

  it('of which nothing can be missing says so', async () => {
    expect((await scene.mandate('export', '--after', '603', '--out', join(scene.folder, 'tail'))).status).toBe(0);
    for (const file of ['tail', 'tail.proof']) copyFileSync(join(scene.folder, file), join(elsewhere, file));
    expect(await verify('tail')).toMatchObject({ status: 0, json: { complete: true } });
  });

  it('is itself on record, as is the proof', async () => {
    const { out } = await scene.mandate('events', '--action', 'dev.mandate.audit.exported.v1', '--json');
    expect(out).toContain('"proof":true');
  });
});

describe('whoever changes it', () => {
  it.each(FORMATS)('in a line of %s is found at its position', async (format) => {
    const file = changed(format, (all) => all.with(100, (all[100] as string).replace('"ann"', '"eve"').replace('ann', 'eve')));
    const { status, json } = await verify(file, '--export-proof', `${format}.proof`);
    expect({ status, json }).toMatchObject({
      status: 1,
      json: { failures: [{ check: 'entry', position: format === 'csv' ? '100' : '101' }] },
    });
  });

  it.each<[string, string, (all: string[]) => string[], string]>([
    ['a line is dropped', 'jsonl', (all) => all.toSpliced(50, 1), 'presence'],
    ['two lines are swapped', 'jsonl', (all) => swap(50, all), 'presence'],
    ['the last line is dropped', 'jsonl', (all) => all.slice(0, -1), 'presence'],
    ['a line is added', 'jsonl', (all) => [...all, all.at(-1) as string], 'presence'],
    ['a line is dropped', 'csv', (all) => all.toSpliced(50, 1), 'entry'],
    ['two lines are swapped', 'cef', (all) => swap(50, all), 'entry'],
    ['a line is added', 'ocsf', (all) => [...all, all.at(-1) as string], 'presence'],
  ])('is found when %s of %s', async (_what, format, change, check) =>
    expect(await verify(changed(format, change), '--export-proof', `${format}.proof`)).toMatchObject({
      status: 1,
      json: { failures: [{ check }] },
    }),
  );

  it.each<[string, (all: string[]) => string[], string]>([
    ['a line is dropped', (all) => all.toSpliced(50, 1), 'presence'],
    ['its last line is dropped', (all) => all.slice(0, -1), 'format'],
    ['its first line is dropped', (all) => all.slice(1), 'format'],
    ['two lines are swapped', (all) => swap(50, all), 'presence'],
    [
      'the signature is another',
      (all) =>
        all.with(
          -1,
          (all.at(-1) as string).replace(/(.)(.{8}=*\\n"\})/, (_whole, one, rest) => (one === 'A' ? 'B' : 'A') + rest),
        ),
      'signature',
    ],
  ])('is found when of the proof %s', async (_what, change, check) => {
    const proof = changed('jsonl.proof', change);
    expect(await verify('jsonl', '--export-proof', proof)).toMatchObject({ status: 1, json: { failures: [{ check }] } });
  });

  it('and drops a line of both is found', async () => {
    const file = changed('jsonl', (all) => all.toSpliced(50, 1));
    const proof = changed('jsonl.proof', (all) => all.toSpliced(51, 1));
    expect(await verify(file, '--export-proof', proof)).toMatchObject({ status: 1, json: { failures: [{ check: 'inclusion' }] } });
  });

  it.each(
    FORMATS.filter((format) => format !== 'jsonl').flatMap((format) => [
      [format, 'null'],
      [format, '{}'],
      [format, '{},"record":{}'],
    ]),
  )('and has it proved by what is no event is found, in %s with %s', async (format, record) => {
    const leaf = createHash('sha256').update(`\0${record}`).digest('base64');
    const proof = changed(`${format}.proof`, (all) =>
      all.with(
        1,
        (all[1] as string).replace(/"leaf":"[^"]+"/, `"leaf":"${leaf}"`).replace(/"record":.*\}/, () => `"record":${record}}`),
      ),
    );
    expect(await verify(format, '--export-proof', proof)).toMatchObject({
      status: 1,
      json: { failures: [{ check: 'format', position: '1' }] },
    });
  });

  it('is told what it lacks', async () => {
    expect((await verify('.', '--export-proof', 'jsonl.proof')).status).toBe(2);
    expect((await verify('jsonl', '--export-proof', '.')).status).toBe(2);
    expect((await verify('nothing')).status).toBe(2);
    writeFileSync(join(elsewhere, 'alone'), '');
    expect((await verify('alone')).err).toContain('alone.proof');
  });
});

describe('a log of which an event was deleted', () => {
  beforeAll(() => scene.tamper('DELETE FROM es.event WHERE position = 300'));

  it.each([[[]], [['--resource', 'delegation/words']], [['--format', 'csv', '--actor', 'ann']]])(
    'has no export signed that might lack it, with %j',
    async (filter) => {
      expect(await scene.mandate('export', ...filter, '--out', 'lacking')).toMatchObject({
        status: 3,
        err: expect.stringContaining('BROKEN_OFF'),
      });
    },
  );

  it('has no proof of what was exported before', async () => {
    await scene.signed();
    const proof = await fetch(`${scene.url}/api/audit/export/proof?format=jsonl&size=700`);
    await expect(proof.text()).rejects.toThrow('terminated');
  });

  it('is exported behind it', async () => {
    expect((await scene.mandate('export', '--after', '300', '--out', join(scene.folder, 'behind'))).status).toBe(0);
    for (const file of ['behind', 'behind.proof']) copyFileSync(join(scene.folder, file), join(elsewhere, file));
    expect((await verify('behind')).status).toBe(0);
  });
});

describe('a record that is no JSON any more', () => {
  beforeAll(() => scene.tamper('UPDATE es.event SET canonical = set_byte(canonical, 0, 120) WHERE position = 601'));

  it.each([
    ['events', '--resource', 'delegation/words'],
    ['story', 'words'],
    ['receipt', 'words'],
  ])('is named by its position by %s', async (...args) =>
    expect((await scene.mandate(...args)).err).toMatch(/RECORD_UNREADABLE: the record at position 601 .* mandate audit verify --database/),
  );
});
