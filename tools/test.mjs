// `npm test`: builds, starts PostgreSQL once and finds nats-server once, runs every project's tests and lint through Nx, and adds up.
// The last line is "N passed, N failed". Exit status 0 only when everything passed.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => `${root}node_modules/.bin/${name}`;
const PATH = `${root}node_modules/.bin:${process.env.PATH}`;

let passed = 0;
let failed = 0;
const fail = (what) => {
  failed++;
  console.error(`FAILED ${what}`);
};

const projects = () => {
  const { stdout, status, stderr } = spawnSync(bin('nx'), ['show', 'projects', '--with-target', 'test', '--json'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NX_DAEMON: 'false' },
  });
  if (status !== 0) throw new Error(`nx cannot list the projects: ${stderr}`);
  return JSON.parse(stdout).sort();
};

/** A project's figures; one that left no results (it crashed) counts as one failure, and so does a test file that could not run. */
const addUp = (project) => {
  const file = `${root}test-results/${project}.json`;
  if (!existsSync(file)) return fail(`${project}: no results, see above`);
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, success } = JSON.parse(readFileSync(file, 'utf8'));
  const unaccounted = !success && numFailedTests + numRuntimeErrorTestSuites === 0 ? 1 : 0;
  const projectFailed = numFailedTests + numRuntimeErrorTestSuites + unaccounted;
  passed += numPassedTests;
  failed += projectFailed;
  console.log(
    `${project.padEnd(30)} ${String(numPassedTests).padStart(5)} passed ${String(projectFailed).padStart(4)} failed` +
      (numPendingTests > 0 ? ` ${numPendingTests} skipped` : ''),
  );
};

const runAll = (environment) =>
  new Promise((resolve) => {
    const args = ['run-many', '-t', 'test', 'lint', '--parallel=2', '--outputStyle=static'];
    const env = { ...process.env, ...environment, PATH: environment.PATH ?? PATH, NX_DAEMON: 'false', NX_TUI: 'false', FORCE_COLOR: '0' };
    const child = spawn(bin('nx'), args, { cwd: root, stdio: 'inherit', env });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code) => resolve(code ?? 1));
  });

/** What belongs to no project: the tools, the configuration, and how everything is formatted. */
const checkTheRest = () => {
  const checks = { lint: ['eslint', '--max-warnings', '0', 'tools', '*.mjs'], format: ['prettier', '--check', '--log-level', 'warn', '.'] };
  for (const [name, [tool, ...args]] of Object.entries(checks))
    if (spawnSync(bin(tool), args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH } }).status !== 0) fail(`${name}: see above`);
};

const main = async () => {
  if (spawnSync(bin('tsc'), ['-b', '--pretty', 'false'], { cwd: root, stdio: 'inherit' }).status !== 0) fail('the build: see above');
  const { runEnvironment, startTestRun } = await import('../libs/testing/dist/run.js');
  rmSync(`${root}test-results`, { recursive: true, force: true });
  const started = await startTestRun(console.error);
  const status = await runAll(runEnvironment(started.run)).finally(async () => {
    const leftOver = await started.stop();
    if (leftOver > 0) fail(`${leftOver} server processes outlived their tests: call stop() in afterAll`);
  });
  checkTheRest();
  console.log();
  for (const project of projects()) addUp(project);
  if (status !== 0 && failed === 0) fail('a check, see above');
};

try {
  await main();
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
