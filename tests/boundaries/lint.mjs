// Lints the canaries with the repository's own configuration and prints [{ file, as, expected, messages }] as JSON.
// A process of its own: the project graph that the boundary rule reads is not built inside of Jest.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '../..');
const sources = (folder) => readdirSync(join(import.meta.dirname, folder)).filter((name) => name.endsWith('.ts'));
const read = (folder, file) => readFileSync(join(import.meta.dirname, folder, file), 'utf8');
const line = (text, word) => new RegExp(`^// ${word} (.*)$`, 'm').exec(text)?.[1];

// These files are nowhere on disk: each is linted as if it lay at the place that it names, which no tsconfig knows.
const untyped = new ESLint({ cwd: root, overrideConfig: { ...tseslint.configs.disableTypeChecked, files: ['**/*.ts'] } });
const typed = new ESLint({ cwd: root, ignore: false });

const results = [];
for (const file of sources('lint')) {
  const text = read('lint', file);
  const as = line(text, 'as');
  const [{ messages }] = await untyped.lintText(text, { filePath: join(root, as) });
  results.push({ file, as, expected: line(text, 'expect'), messages });
}
for (const { filePath, messages } of await typed.lintFiles(sources('typed').map((file) => join(import.meta.dirname, 'typed', file)))) {
  const file = filePath.slice(join(import.meta.dirname, 'typed/').length);
  results.push({ file, as: `tests/boundaries/typed/${file}`, expected: line(read('typed', file), 'expect'), messages });
}
const { rules } = await untyped.calculateConfigForFile(join(root, 'libs/delegation/src/index.ts'));
console.log(JSON.stringify({ results, directions: rules['@nx/enforce-module-boundaries'][1].depConstraints }));
