// Delegations of three steps, side by side with Restate's worker calls in the same run: rate, latency, and CPU of all processes.
//   npm run build && npm --prefix bench ci && npx node bench/delegations.mjs [seconds] [--sync-always] [--only mandate|restate]
// Quote ratios of one run on an otherwise idle machine; BENCH_NATS_HOME keeps a nats-server that was fetched before.
import { parseArgs } from 'node:util';
import { closedLoop } from './lib/load.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'sync-always': { type: 'boolean' }, only: { type: 'string' }, callers: { type: 'string', default: '1,25,100,400' } },
});
const seconds = Number(positionals[0] ?? 6);
const callers = values.callers.split(',').map(Number);
const SHAPES = ['sequential', 'parallel'];

const SYSTEMS = {
  mandate: async () => (await import('./delegations/mandate.mjs')).startMandate(values['sync-always'] ? { sync: 'always' } : {}),
  restate: async () => (await import('./delegations/restate.mjs')).startRestate(),
};

const measure = async (name) => {
  const system = await SYSTEMS[name]();
  const figures = {};
  try {
    for (const shape of SHAPES)
      for (const count of callers) {
        const run = {
          callers: count,
          operation: () => system.delegate(shape),
          seconds,
          warmSeconds: count >= 400 ? 4 : 2,
          groups: system.pids,
        };
        const figure = await closedLoop(run);
        figures[`${shape} ${count}`] = figure;
        console.log(name, shape, JSON.stringify(figure));
      }
  } finally {
    await system.stop();
  }
  return figures;
};

const names = values.only ? [values.only] : Object.keys(SYSTEMS);
const measured = {};
for (const name of names) measured[name] = await measure(name);

const { mandate, restate } = measured;
if (mandate && restate) {
  const ratio = (key, read) => Number((read(mandate[key]) / read(restate[key])).toFixed(2));
  const verdict = {
    'rate at 100, sequential, mandate/restate (>= 1)': ratio('sequential 100', (figure) => figure.perSecond),
    'p95 at 25, sequential, mandate/restate (< 1)': ratio('sequential 25', (figure) => figure.p95Ms),
    'CPU-ms a delegation at 100, all processes (<= 6, aim 3)': mandate['sequential 100'].cpuMsEach,
  };
  console.log(JSON.stringify(verdict, null, 2));
  const [rate, p95, cpu] = Object.values(verdict);
  process.exitCode = rate >= 1 && p95 < 1 && cpu <= 6 ? 0 : 1;
}
