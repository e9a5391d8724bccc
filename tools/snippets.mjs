// Compiles the TypeScript of README.md and docs/*.md against the sources: `node tools/snippets.mjs`. Exit status 1 when an example is wrong.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const documents = ['README.md', ...readdirSync(`${root}docs`).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];

/** Path of a file that does not exist -> its text. At the root, so that packages resolve as they do for a reader in this checkout. */
const examples = new Map();
for (const document of documents)
  for (const [index, [, text]] of [...readFileSync(root + document, 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].entries())
    examples.set(`${root}${document.replace('/', '-')}-${index + 1}.ts`, text);

const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  customConditions: ['@mandate/source'],
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  useDefineForClassFields: false,
  types: ['node'],
};
const host = ts.createCompilerHost(options);
const { fileExists, readFile } = host;
host.fileExists = (file) => examples.has(file) || fileExists.call(host, file);
host.readFile = (file) => examples.get(file) ?? readFile.call(host, file);
const { getSourceFile } = host;
host.getSourceFile = (file, languageVersion, ...rest) =>
  examples.has(file)
    ? ts.createSourceFile(file, examples.get(file), languageVersion)
    : getSourceFile.call(host, file, languageVersion, ...rest);

const program = ts.createProgram([...examples.keys()], options, host);
const wrong = [...examples.keys()].flatMap((file) => {
  const source = program.getSourceFile(file);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
});
console.log(`${examples.size} examples, ${wrong.length} errors`);
if (wrong.length > 0) {
  console.error(
    ts.formatDiagnostics(wrong, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' }),
  );
  process.exitCode = 1;
}
