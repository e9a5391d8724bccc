// Runs one project's tests: `node tools/jest.mjs <projectRoot> <projectName> [jest arguments]`. Writes test-results/<projectName>.json.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => `${root}node_modules/.bin/${name}`;
const [projectRoot, projectName, ...rest] = process.argv.slice(2);
if (!projectRoot || !projectName) {
  console.error('usage: node tools/jest.mjs <projectRoot> <projectName> [jest arguments]');
  process.exit(2);
}

// The servers, Jest's global setup and processes that tests start run from dist, which `npm test` has built already.
const built = ['libs/testing', projectRoot].map((project) => `${project}/tsconfig.lib.json`);
if (!process.env.MANDATE_TEST_RUN) spawnSync(bin('tsc'), ['-b', ...built], { cwd: root, stdio: 'inherit' });

const results = `${root}test-results/${projectName}.json`;
mkdirSync(dirname(results), { recursive: true });
rmSync(results, { force: true });
const { status } = spawnSync(
  bin('node'),
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    `${root}node_modules/jest/bin/jest.js`,
    '--config',
    `${projectRoot}/jest.config.mjs`,
    '--passWithNoTests',
    '--json',
    '--outputFile',
    results,
    ...rest,
  ],
  { cwd: root, stdio: ['inherit', 'ignore', 'inherit'], env: { ...process.env, PATH: `${root}node_modules/.bin:${process.env.PATH}` } },
);
process.exitCode = status ?? 1;
