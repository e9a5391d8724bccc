// What the audit service (signer, indexes, reconciliation) costs delegations: the same load with and without it, in turns, in one run.
// On a machine that others work on, the CPU time of what the audit service touches says more than the rate.
//   npm run build && npx node bench/audit-cost.mjs [seconds] [rounds]
import { closedLoop } from './lib/load.mjs';
import { startMandate } from './delegations/mandate.mjs';

const seconds = Number(process.argv[2] ?? 8);
const rounds = Number(process.argv[3] ?? 3);
const CALLERS = 100;
const GOAL = 0.9;

const measure = async (services) => {
  const system = await startMandate({ services });
  try {
    const operation = () => system.delegate('sequential');
    const { perSecond, p95Ms, cpuMsBy } = await closedLoop({ callers: CALLERS, operation, seconds, warmSeconds: 3, groups: system.pids });
    return { perSecond, p95Ms, cpuMs: Number((cpuMsBy.engine + cpuMsBy.postgres).toFixed(2)) };
  } finally {
    await system.stop();
  }
};

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const figures = { off: [], on: [] };
for (let round = 0; round < rounds; round++)
  for (const [name, services] of round % 2 === 0
    ? [
        ['off', 'delegation-engine'],
        ['on', 'all'],
      ]
    : [
        ['on', 'all'],
        ['off', 'delegation-engine'],
      ]) {
    const figure = await measure(services);
    figures[name].push(figure);
    console.log(name, JSON.stringify(figure));
  }
const of = (name, read) => median(figures[name].map(read));
const rate = of('on', (figure) => figure.perSecond) / of('off', (figure) => figure.perSecond);
const cpu = of('on', (figure) => figure.cpuMs) / of('off', (figure) => figure.cpuMs);
console.log(
  JSON.stringify({
    'delegations/s, on/off, medians (>= 0.9)': Number(rate.toFixed(3)),
    'CPU-ms a delegation of services and PostgreSQL, on/off': Number(cpu.toFixed(3)),
  }),
);
process.exitCode = rate >= GOAL ? 0 : 1;
