// Writes the package.json and tsconfig files of a new workspace project: `node tools/scaffold.mjs libs/name layer dep,dep`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [path, layer, deps = ''] = process.argv.slice(2);
if (!path || !layer) {
  console.error('usage: node tools/scaffold.mjs <libs|apps>/<name> <layer> [dependency,dependency]');
  process.exit(2);
}
const pure = ['kernel', 'contracts', 'reading', 'domain'].includes(layer);
const name = basename(path);
const ours = deps.split(',').filter(Boolean);
const up = path
  .split('/')
  .map(() => '..')
  .join('/');
const find = (dep) => ['libs', 'apps'].map((d) => `${d}/${dep}`).find((d) => existsSync(d)) ?? `libs/${dep}`;
const write = (file, value) => {
  const target = join(path, file);
  if (!existsSync(target)) writeFileSync(target, typeof value === 'string' ? value : JSON.stringify(value, null, 2) + '\n');
};

mkdirSync(join(path, 'src'), { recursive: true });
write('package.json', {
  name: `@mandate/${name}`,
  version: JSON.parse(readFileSync('package.json', 'utf8')).version,
  private: true,
  type: 'module',
  license: 'Apache-2.0',
  exports: { '.': { '@mandate/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
  dependencies: Object.fromEntries(ours.map((dep) => [`@mandate/${dep}`, '*'])),
  nx: { tags: [`layer:${layer}`], targets: { test: {}, lint: {} } },
});
write('tsconfig.json', {
  files: [],
  references: [{ path: './tsconfig.lib.json' }, { path: './tsconfig.spec.json' }],
});
write('tsconfig.lib.json', {
  extends: `${up}/tsconfig.base.json`,
  compilerOptions: {
    rootDir: 'src',
    outDir: 'dist',
    tsBuildInfoFile: 'dist/.tsbuildinfo',
    ...(pure ? { types: [], lib: ['es2023'] } : {}),
  },
  include: ['src/**/*.ts'],
  exclude: ['src/**/*.spec.ts'],
  references: ours.map((dep) => ({ path: `${up}/${find(dep)}/tsconfig.lib.json` })),
});
write('tsconfig.spec.json', {
  extends: `${up}/tsconfig.base.json`,
  compilerOptions: { rootDir: '.', outDir: 'dist/spec', tsBuildInfoFile: 'dist/.tsbuildinfo.spec', emitDeclarationOnly: true },
  include: ['src/**/*.spec.ts'],
  references: [{ path: './tsconfig.lib.json' }, ...(name === 'testing' ? [] : [{ path: `${up}/libs/testing/tsconfig.lib.json` }])],
});
write('jest.config.mjs', `export { default } from '${up}/jest.preset.mjs';\n`);
if (!existsSync(join(path, 'src/index.ts'))) writeFileSync(join(path, 'src/index.ts'), 'export {};\n');
