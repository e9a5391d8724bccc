// What the audit service (signer, indexes, reconciliation) costs delegations: two systems stand side by side, one with it and one without, and the
// same load goes to one and the other in short turns. Each pair of turns gives a ratio, so what changes on the machine in the course of minutes falls
// out; the median of the ratios counts. On a machine that others work on, the CPU time of services and PostgreSQL says more than the rate.
//   npm run build && npx node bench/audit-cost.mjs [seconds] [pairs]
import { setTimeout as delay } from 'node:timers/promises';
import { closedLoop } from './lib/load.mjs';
import { startMandate } from './delegations/mandate.mjs';

const seconds = Number(process.argv[2] ?? 6);
const pairs = Number(process.argv[3] ?? 16);
const CALLERS = 100;
const GOAL = 0.9;
/** Compilers and caches are warm before anything counts. */
const FIRST_SECONDS = 15;
/** Longer than the index lags behind: what it takes over from before a turn is what it leaves behind it. */
const WARM_SECONDS = 3;
const SETTLE_MS = 2_000;

const SERVICES = { off: 'delegation-engine', on: 'all' };

const turn = async (system, length) => {
  const operation = () => system.delegate('sequential');
  const load = { callers: CALLERS, operation, seconds: length, warmSeconds: WARM_SECONDS, groups: system.pids };
  const { perSecond, p95Ms, cpuMsBy, errors = 0 } = await closedLoop(load);
  await delay(SETTLE_MS);
  return { perSecond, p95Ms, cpuMs: Number((cpuMsBy.engine + cpuMsBy.postgres).toFixed(3)), errors };
};

const quantile = (values, q) => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
};
const spread = (values) => {
  const [lower, median, upper] = [0.25, 0.5, 0.75].map((q) => Number(quantile(values, q).toFixed(3)));
  return { median, quartiles: [lower, upper] };
};

const systems = {};
try {
  for (const name of Object.keys(SERVICES)) systems[name] = await startMandate({ services: SERVICES[name] });
  for (const name of Object.keys(SERVICES)) await turn(systems[name], FIRST_SECONDS);
  const taken = [];
  for (let i = 0; i < pairs; i++) {
    const pair = {};
    for (const name of i % 2 === 0 ? ['off', 'on'] : ['on', 'off']) pair[name] = await turn(systems[name], seconds);
    taken.push(pair);
    console.log(JSON.stringify(pair));
  }
  const rate = spread(taken.map(({ off, on }) => on.perSecond / off.perSecond));
  console.log(
    JSON.stringify(
      {
        pairs,
        'delegations/s, medians': Object.fromEntries(
          ['off', 'on'].map((name) => [
            name,
            quantile(
              taken.map((pair) => pair[name].perSecond),
              0.5,
            ),
          ]),
        ),
        [`delegations/s, on/off (>= ${GOAL})`]: rate,
        'CPU-ms a delegation of services and PostgreSQL, on/off': spread(taken.map(({ off, on }) => on.cpuMs / off.cpuMs)),
        'CPU-ms a delegation, on - off': spread(taken.map(({ off, on }) => on.cpuMs - off.cpuMs)),
        errors: taken.reduce((sum, { off, on }) => sum + off.errors + on.errors, 0),
      },
      null,
      2,
    ),
  );
  process.exitCode = rate.median >= GOAL ? 0 : 1;
} finally {
  for (const system of Object.values(systems)) await system.stop();
}
