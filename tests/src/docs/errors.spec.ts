/** docs/errors.md explains every code that the sources can give, and no other. */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const root = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');

const sources = globSync('{libs,apps}/*/src/**/*.ts', { cwd: root.pathname }).filter(
  (file) => !file.endsWith('.spec.ts') && !file.includes('/testing/'),
);
const text = sources.map(read).join('\n');
const documented = new Set([...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code));

/** The first argument of every error class of ours, wherever the line breaks. */
const thrown = new Set([...text.matchAll(/new \w*Error\(\s*'([A-Z][A-Z_]+)'/g)].map(([, code]) => code));

describe('the documentation of errors', () => {
  it('explains every code that is thrown', () => expect([...thrown].filter((code) => !documented.has(code)).sort()).toEqual([]));

  it('explains no code that the sources do not know', () =>
    expect([...documented].filter((code) => !text.includes(`'${code}'`)).sort()).toEqual([]));
});
