// Runs after `npm ci`, so that `npx mandate` works before the first `npm start`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const compiler = new URL('../node_modules/.bin/tsc', import.meta.url).pathname;
if (existsSync(compiler)) process.exitCode = spawnSync(compiler, ['-b'], { stdio: 'inherit' }).status ?? 1;
