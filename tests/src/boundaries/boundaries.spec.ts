/** Every rule that keeps the parts apart must fire on a file that breaks it: a check that cannot fail is none. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const boundaries = fileURLToPath(new URL('../../boundaries/', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));
const canaries = (folder: string): string[] => readdirSync(boundaries + folder).filter((name) => name.endsWith('.ts'));
const expectation = (folder: string, file: string): string =>
  /^\/\/ expect (.*)$/m.exec(readFileSync(`${boundaries}${folder}/${file}`, 'utf8'))?.[1] ?? '';

interface Linted {
  results: { file: string; as: string; messages: { ruleId: string | null; message: string; severity: number }[] }[];
  directions: { sourceTag: string; onlyDependOnLibsWithTags?: string[] }[];
}

const ERROR = 2;

describe('lint', () => {
  let linted: Linted;
  beforeAll(async () => {
    const env = { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false' };
    const { stdout, stderr } = await run(process.execPath, [`${boundaries}lint.mjs`], { cwd: root, env, maxBuffer: 16 * 1024 * 1024 });
    // Without a project graph the boundary rule only warns, and passes everything.
    expect(stdout + stderr).not.toContain('The rule will be skipped');
    linted = JSON.parse(stdout) as Linted;
  }, 120_000);

  const messagesOf = (file: string): Linted['results'][number]['messages'] => {
    const found = linted.results.find((result) => result.file === file);
    if (!found) throw new Error(`${file} was not linted`);
    return found.messages;
  };

  it.each([...canaries('lint').map((file) => ['lint', file]), ...canaries('typed').map((file) => ['typed', file])])(
    '%s/%s',
    (folder, file) => {
      const [rule, part = ''] = expectation(folder as string, file as string).split(': ');
      const messages = messagesOf(file as string);
      if (rule === 'nothing') expect(messages).toEqual([]);
      else
        expect(messages).toContainEqual(
          expect.objectContaining({ ruleId: rule, severity: ERROR, message: expect.stringMatching(part) as unknown }),
        );
    },
  );

  it('lets each layer import what the design allows, and nothing else', () => {
    const allowed = linted.directions.flatMap(({ sourceTag, onlyDependOnLibsWithTags: tags }) => (tags ? [[sourceTag, tags]] : []));
    const layers = (...names: string[]): string[] => names.map((name) => `layer:${name}`);
    expect(Object.fromEntries(allowed as [string, string[]][])).toEqual({
      'layer:kernel': [],
      'layer:contracts': layers('kernel'),
      'layer:reading': layers('kernel', 'contracts'),
      'layer:domain': layers('kernel', 'contracts', 'reading'),
      'layer:platform': layers('kernel', 'contracts', 'platform', 'reading'),
      'layer:app': layers('domain', 'reading', 'kernel', 'contracts', 'platform'),
      'layer:host': layers('app', 'kernel', 'contracts', 'platform'),
      'layer:sdk': layers('contracts', 'kernel'),
      'layer:example': layers('sdk'),
      'layer:cli': layers('domain', 'reading', 'sdk', 'kernel', 'contracts', 'platform', 'host'),
      'layer:testing': ['*'],
      'layer:tests': ['*'],
    });
  });
});

describe('the compiler, with the settings of a domain library', () => {
  let errors: string[];
  beforeAll(async () => {
    const compiler = `${root}node_modules/.bin/tsc`;
    const failure = await run(compiler, ['-p', `${boundaries}compile`, '--pretty', 'false'], { cwd: root }).catch(
      (error: unknown) => error,
    );
    errors = (failure as { stdout: string }).stdout.split('\n');
  }, 60_000);

  it.each(canaries('compile'))('refuses %s', (file) => {
    const found = errors.filter((line) => line.includes(`/${file}(`)).map((line) => /error (TS\d+)/.exec(line)?.[1]);
    expect(found).not.toEqual([]);
    expect(expectation('compile', file).split(' ')).toEqual(expect.arrayContaining(found));
  });
});
