/** docs/errors.md explains every code that the sources can give, and no other. */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const root = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');

const sources = globSync('{libs,apps}/*/src/**/*.ts', { cwd: root.pathname }).filter(
  (file) => !file.endsWith('.spec.ts') && !file.includes('/testing/'),
);
const text = sources.map(read).join('\n');
const documented = new Set([...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code = '']) => code));

const found = (...patterns: RegExp[]): string[] => [
  ...new Set(patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, code = '']) => code))),
];

/** Our own error classes, and those who make one of them: code first, wherever the line breaks. */
const thrown = found(
  /new \w*(?:Error|BadLine)\(\s*'([A-Z][A-Z_]+)'/g,
  /\b(?:badGraph|refuse|failed)\(\s*'([A-Z][A-Z_]+)'/g,
  /\bsuper\(\s*'([A-Z][A-Z_]+)'/g,
);
/** Codes that stand in events and documents without having been thrown. */
const told = found(/\bcode: '([A-Z][A-Z_]+)'/g, /\bcode: [^,'\n]*[?:] '([A-Z][A-Z_]+)'/g);
const fallbacks = found(/type FallbackReason = ([^;]+);/g).flatMap((union) =>
  [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code = '']) => code),
);
const rejections = found(/type RejectionCode = ([^;]+);/g).flatMap((union) =>
  [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code = '']) => code),
);

const unexplained = (codes: readonly string[]): string[] => codes.filter((code) => !documented.has(code)).sort();

describe('the documentation of errors', () => {
  it('is compared with what is really there', () =>
    expect([thrown, told, fallbacks, rejections].map((codes) => codes.length > 3)).toEqual([true, true, true, true]));

  it('explains every code that is thrown', () => expect(unexplained(thrown)).toEqual([]));

  it('explains every code that events and documents tell', () => expect(unexplained(told)).toEqual([]));

  it('explains why the engine falls back and the log refuses', () => expect(unexplained([...fallbacks, ...rejections])).toEqual([]));

  it('explains no code that the sources do not know', () =>
    expect([...documented].filter((code) => !text.includes(`'${code}'`)).sort()).toEqual([]));
});
