/** Runs Jest on test files that leave something open on purpose: the leak check must fail each of them, and no other. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase } from './servers/database.js';

const config = fileURLToPath(new URL('../fixtures/leaks/jest.config.mjs', import.meta.url));
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');

interface Results {
  testResults: { name: string; status: string; message: string; assertionResults: { status: string }[] }[];
}

const runFixtures = async (databaseUrl: string): Promise<Results['testResults']> => {
  const dir = await mkdtemp(join(tmpdir(), 'leaks-'));
  const results = join(dir, 'results.json');
  const args = ['--experimental-vm-modules', jest, '--config', config, '--maxWorkers=2', '--json', '--outputFile', results];
  const env = { ...process.env, MANDATE_LEAK_DATABASE: databaseUrl };
  await new Promise((ended) => execFile(process.execPath, args, { env }, ended));
  const { testResults } = JSON.parse(readFileSync(results, 'utf8')) as Results;
  await rm(dir, { recursive: true });
  return testResults;
};

describe('the leak check', () => {
  let byName: Map<string, Results['testResults'][number]>;
  beforeAll(async () => {
    const database = await testDatabase({ template: 'empty' });
    byName = new Map((await runFixtures(database.url)).map((result) => [basename(result.name, '.fixture.ts'), result]));
    await database.stop();
  }, 60_000);
  afterAll(() => byName.clear());

  it.each([
    ['socket', '- server (on 127.0.0.1:'],
    ['timer', '- timer (60000 ms)\n    opened at Object.setInterval (/'],
    ['child', '- child process (pid '],
    ['pool', '- socket (to 127.0.0.1:'],
  ])('fails a file that leaves a %s behind, and names it', (name, said) => {
    const result = byName.get(name);
    expect(result?.status).toBe('failed');
    expect(plain(result?.message)).toContain(`left open after its last hook:`);
    expect(plain(result?.message)).toContain(said);
  });

  it('reports it beside the failure of a test, which may be the reason', () => {
    expect(byName.get('failing')).toMatchObject({ status: 'failed', assertionResults: [{ status: 'failed' }] });
    expect(plain(byName.get('failing')?.message)).toContain('the test itself failed');
    expect(plain(byName.get('failing')?.message)).toContain('- timer (60000 ms)');
  });

  it('passes a file that closes what it opens', () => {
    expect(byName.get('clean')).toMatchObject({ status: 'passed', assertionResults: [{ status: 'passed' }, { status: 'passed' }] });
  });
});

/** Without indentation by Jest and colours. */
const plain = (message = ''): string => message.replaceAll(/\u001b\[\d+m/g, '').replaceAll(/^ {4}/gm, '');
