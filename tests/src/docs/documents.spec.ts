/** What is generated is up to date, what is linked is there, and the examples compile. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const documents = globSync(['*.md', 'docs/**/*.md', 'libs/*/*.md'], { cwd: root });

/** Targets of links to files, without what follows `#`. */
const linked = (file: string): string[] =>
  [...readFileSync(root + file, 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].flatMap(([, target = '']) =>
    /^[a-z]+:/.test(target) ? [] : [target],
  );

describe('the documentation', () => {
  it.each([['openapi.mjs', '--check'], ['event-schemas.mjs', '--check'], ['snippets.mjs']])(
    'passes tools/%s',
    async (tool, ...args) => {
      const { stderr } = await run(process.execPath, [`${root}tools/${tool}`, ...args], {
        cwd: root,
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      expect(stderr).toBe('');
    },
    120_000,
  );

  it('links only to what is there', () => {
    const broken = documents.flatMap((file) =>
      linked(file)
        .filter((target) => !existsSync(root + posix.join(posix.dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('is there for every decision, each in the same form', () => {
    const decisions = documents.filter((file) => file.startsWith('docs/adr/'));
    expect(decisions.length).toBeGreaterThan(0);
    for (const file of decisions)
      expect(readFileSync(root + file, 'utf8')).toMatch(
        /^# \d+\. .+\n\nAccepted, .+\n\n## Context\n[^]+\n## Decision\n[^]+\n## Consequences\n/,
      );
  });
});
