// Gives the tests their servers: those of the run that `npm test` started, or this project's own when it runs alone.
import { readFileSync } from 'node:fs';

/** The layers whose tests need no server. */
const PURE = ['layer:kernel', 'layer:contracts', 'layer:domain'];

export default async (_globalConfig, { rootDir }) => {
  const { nx } = JSON.parse(readFileSync(`${rootDir}/package.json`, 'utf8'));
  if (process.env.MANDATE_TEST_RUN || nx.tags.some((tag) => PURE.includes(tag))) return;
  const { runEnvironment, startTestRun } = await import('../dist/run.js');
  const started = await startTestRun((line) => console.error(line));
  Object.assign(process.env, runEnvironment(started.run));
  globalThis.mandateTestRun = started;
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void started.stop().finally(() => process.exit(1)));
};
