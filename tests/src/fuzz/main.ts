/** `npm run test:fuzz -- --seed N --messages 10000`: the whole fuzz test; prints its figures, exit status 1 when something went wrong. */
import { parseArgs } from 'node:util';
import { runEnvironment, startTestRun } from '@mandate/testing';
import { runFuzz } from './fuzz.js';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: String(Date.now() % 1_000_000) }, messages: { type: 'string', default: '10000' } },
});
const started = await startTestRun((line) => process.stderr.write(`${line}\n`));
Object.assign(process.env, runEnvironment(started.run));
try {
  const report = await runFuzz({ messages: Number(values.messages), seed: Number(values.seed), quietSeconds: 10 });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.failures.length > 0 ? 1 : 0;
} finally {
  await started.stop();
}
