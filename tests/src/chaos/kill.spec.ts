/** The kill test in short; `npm run test:kill` is the long one. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { testRun } from '@mandate/testing';
import { killTest } from './kill-test.js';
import { textOf } from './report.js';
import type { System } from './system.js';

let system: System | undefined;
afterAll(() => system?.stop());

it('loses nothing and does nothing twice, whatever is killed', async () => {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const folder = join(testRun().dir, `kill-test-${process.pid}`);
  const onStarted = (started: System): void => void (system = started);
  const report = await killTest({
    seed: randomInt(2 ** 31),
    delegations: 200,
    perSecond: 10,
    killsEach: 1,
    workers: 2,
    folder,
    log,
    onStarted,
  });
  const told = [...lines, textOf(report)].join('\n');
  if (report.violations.length > 0) throw new Error(told);
  expect(Object.values(report.kills).map(({ times }) => times)).toEqual([1, 1, 1, 1]);
  expect(report.delegations).toBe(200);
}, 120_000);
