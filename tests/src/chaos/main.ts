/** `npm run test:kill -- [--delegations 2000] [--per-second 15] [--kills 6] [--workers 3] [--seed N] [--folder DIR]`. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runEnvironment, startTestRun } from '@mandate/testing';
import { killTest } from './kill-test.js';
import { textOf } from './report.js';

const { values } = parseArgs({
  options: {
    delegations: { type: 'string', default: '2000' },
    'per-second': { type: 'string', default: '15' },
    kills: { type: 'string', default: '6' },
    workers: { type: 'string', default: '3' },
    seed: { type: 'string' },
    folder: { type: 'string' },
  },
});

const log = (line: string): void => console.error(line);
const started = await startTestRun(log);
try {
  Object.assign(process.env, runEnvironment(started.run));
  const report = await killTest({
    seed: Number(values.seed ?? randomInt(2 ** 31)),
    delegations: Number(values.delegations),
    perSecond: Number(values['per-second']),
    killsEach: Number(values.kills),
    workers: Number(values.workers),
    folder: values.folder ?? join(started.run.dir, 'kill-test'),
    log,
  });
  console.log(textOf(report));
  if (report.violations.length > 0) process.exitCode = 1;
} finally {
  await started.stop();
}
