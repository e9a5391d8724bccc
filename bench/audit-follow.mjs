// What the audit service costs an event of the log, in CPU time: it follows real delegations from a process of its own, and its connections are
// metered apart. Other work on the machine hardly changes it, so it compares one version of the service with another.
//   npm run build && npx node bench/audit-follow.mjs [seconds]
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { startMandate } from './delegations/mandate.mjs';
import { closedLoop } from './lib/load.mjs';

const seconds = Number(process.argv[2] ?? 30);
const CALLERS = 100;
const CONNECTIONS = 'bench-audit';
const POLL_MS = 200;

/** Nanoseconds on a processor; a process that has ended keeps what it had. */
const spent = new Map();
const read = (pid) => {
  try {
    spent.set(pid, Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]));
  } catch {
    // It ended: what was read last counts.
  }
  return spent.get(pid) ?? 0;
};
/** All threads of a process. */
const readAll = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1e7;
};

const cpuProfile = process.env.BENCH_PROFILE ? [`--cpu-prof`, `--cpu-prof-dir=${process.env.BENCH_PROFILE}`] : [];
const system = await startMandate({
  hosts: [{ services: 'delegation-engine' }, { services: 'audit', connectionName: CONNECTIONS, nodeArgs: cpuProfile }],
});
try {
  const client = new pg.Client({ connectionString: system.databaseUrl });
  await client.connect();
  const backends = new Set();
  const look = async () => {
    const { rows } = await client.query('SELECT pid FROM pg_stat_activity WHERE application_name = $1', [CONNECTIONS]);
    for (const { pid } of rows) backends.add(pid);
    return [...backends].reduce((sum, pid) => sum + read(pid), 0);
  };
  const size = async () => Number((await client.query('SELECT size FROM es.log WHERE log_id = 1')).rows[0].size);
  const indexed = async () => Number((await client.query('SELECT count(*) AS n FROM audit.segment')).rows[0].n) * 4_096;
  const host = system.hostPids[1];
  const take = async () => ({ node: readAll(host), postgres: await look(), events: await size(), at: performance.now() });

  const begun = await take();
  const polling = setInterval(() => void look(), POLL_MS);
  const load = await closedLoop({
    callers: CALLERS,
    operation: () => system.delegate('sequential'),
    seconds,
    warmSeconds: 3,
    groups: system.pids,
  });
  const whole = Math.floor((await size()) / 4_096) * 4_096;
  while ((await indexed()) < whole) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  const ended = await take();
  const idleFrom = await take();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const idle = await take();
  clearInterval(polling);
  await client.end();

  const events = ended.events - begun.events;
  const micros = (name) => Number(((ended[name] - begun[name]) / 1000 / events).toFixed(2));
  const idleMs = (name) => Number(((idle[name] - idleFrom[name]) / 1e6 / 10).toFixed(2));
  console.log(
    JSON.stringify({
      events,
      delegationsPerSecond: load.perSecond,
      cpuMsADelegation: load.cpuMsBy,
      'audit service, CPU microseconds an event': { node: micros('node'), postgres: micros('postgres') },
      'audit service, CPU milliseconds a second at rest': { node: idleMs('node'), postgres: idleMs('postgres') },
    }),
  );
} finally {
  await system.stop();
}
