// What flow control costs: delegations with limits on and off in turns within one run, and decisions while 100,000 steps wait.
//   npm run build && npx node bench/scheduling.mjs [seconds] [--waiting 100000]
// Quote ratios of one run; BENCH_NATS_HOME keeps a nats-server that was fetched before.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { EventStore, Keyring } from '@mandate/event-store';
import { Allocator, OPEN_POLICY } from '@mandate/scheduling';
import { startMandate } from './delegations/mandate.mjs';
import { closedLoop } from './lib/load.mjs';

const pg = createRequire(new URL('../libs/event-store/package.json', import.meta.url))('pg');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { waiting: { type: 'string', default: '100000' }, callers: { type: 'string', default: '25,500' } },
});
const seconds = Number(positionals[0] ?? 4);
const waiting = Number(values.waiting);
const GOALS = { lost: 0.15, decisionP99Ms: 5 };
const ROUNDS = 4;
const DECISIONS = 1_000;
/** Not counted: an engine that decides is not at its first decisions. */
const WARM_DECISIONS = 200;

/** Of every kind, and so wide that none of them stops anything: what is measured is the deciding. */
const LIMITS = [
  { kind: 'tenant' },
  { kind: 'key', name: '*' },
  { kind: 'worker', name: '*' },
  ...['one', 'two', 'three'].map((name) => ({ kind: 'capability', name })),
];

const system = await startMandate();
const change = async (document) => {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${system.apiUrl}/api/scheduling`, { method: 'POST', headers, body: JSON.stringify(document) });
  if (!answer.ok) throw new Error(await answer.text());
};
const limit = async (on) => {
  for (const what of LIMITS) await change(on ? { type: 'set-limit', ...what, max: 1_000_000 } : { type: 'remove-limit', ...what });
  for (const name of ['one', 'two', 'three'])
    await change({
      type: on ? 'set-rate' : 'remove-rate',
      kind: 'capability',
      name,
      ...(on ? { burst: 1_000_000, perSecond: 1_000_000 } : {}),
    });
};
const load = async (callers) => {
  const operation = () => system.delegate('parallel');
  const { perSecond, cpuMsEach, cpuMsBy } = await closedLoop({ callers, operation, seconds, warmSeconds: 1, groups: system.pids });
  return { perSecond, cpuMsEach, engineMsEach: cpuMsBy.engine };
};
const residentMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const mean = (figures, of) => Number((figures.reduce((sum, figure) => sum + figure[of], 0) / figures.length).toFixed(2));
const both = (figures) => ({
  perSecond: mean(figures, 'perSecond'),
  cpuMsEach: mean(figures, 'cpuMsEach'),
  engineMsEach: mean(figures, 'engineMsEach'),
});

/** Limits on and off in turns, so that whatever else the machine does meets both alike; by CPU, which others do not take away, and by rate. */
const costOfLimits = async (callers) => {
  const figures = { off: [], on: [] };
  await load(callers);
  for (let round = 0; round < ROUNDS; round++)
    for (const on of round % 2 ? [true, false] : [false, true]) {
      await limit(on);
      const figure = await load(callers);
      figures[on ? 'on' : 'off'].push(figure);
      console.log(`${callers} callers, limits ${on ? 'on' : 'off'}`, JSON.stringify(figure));
    }
  await limit(false);
  const [off, on] = [both(figures.off), both(figures.on)];
  const lost = 1 - off.cpuMsEach / on.cpuMsEach;
  console.log(
    `${callers} callers`,
    JSON.stringify({ off, on, 'lost by CPU': Number(lost.toFixed(3)), 'by rate': Number((1 - on.perSecond / off.perSecond).toFixed(3)) }),
  );
  return lost;
};

const INSERT = `INSERT INTO es.waiting (tenant, capability, urgency, key, since, delegation_id, step_id, attempt)
  SELECT 'queue', 'queued', n, CASE WHEN n % 2 = 0 THEN 'k' || n % 1000 END, now(), 'bench-' || n, 's', 0 FROM generate_series(1, $1::integer) n`;

const fill = async () => {
  const client = new pg.Client({ connectionString: system.databaseUrl });
  await client.connect();
  try {
    await client.query(INSERT, [waiting]);
    await client.query('ANALYZE es.waiting');
  } finally {
    await client.end();
  }
};

/** One decision: the head of the queue is read, and the free slot is given to the most urgent step. */
const decisions = async () => {
  const store = await EventStore.open({
    databaseUrl: system.databaseUrl,
    keyring: new Keyring(randomBytes(32).toString('hex')),
    where: { service: 'bench', instance: 'bench-1' },
  });
  const policy = { ...OPEN_POLICY, limits: { 'capability:queued': 1, 'key:*': 10 } };
  const workers = Array.from({ length: 100 }, (_, n) => ({ instance: `w${n}`, name: 'w', concurrency: 10 }));
  const allocator = new Allocator({ capacity: Infinity, policyOf: () => policy, workersFor: () => workers });
  const times = [];
  for (let i = -WARM_DECISIONS; i < DECISIONS; i++) {
    const startedAt = performance.now();
    const rows = await store.waitingHead('queue', 'queued', 256);
    const queue = { tenant: 'queue', capability: 'queued', complete: false, steps: rows.map((row) => ({ ...row, attempt: 1, lease: 1 })) };
    const { granted } = allocator.handOut([queue], Date.now());
    if (i >= 0) times.push(performance.now() - startedAt);
    if (granted.length !== 1) throw new Error(`${granted.length} granted`);
    allocator.takeBack(granted);
  }
  await store.close();
  times.sort((a, b) => a - b);
  return { p50Ms: Number(times[DECISIONS / 2].toFixed(2)), p99Ms: Number(times[Math.floor(DECISIONS * 0.99)].toFixed(2)) };
};

try {
  const lost = [];
  for (const callers of values.callers.split(',').map(Number)) lost.push(await costOfLimits(callers));
  const before = { ...(await load(25)), engineMb: residentMb(system.pids.engine) };
  await fill();
  const during = { ...(await load(25)), engineMb: residentMb(system.pids.engine) };
  const decided = await decisions();
  console.log(`${waiting} steps wait`, JSON.stringify({ before, during, decision: decided }));
  process.exitCode = Math.max(...lost) <= GOALS.lost && decided.p99Ms < GOALS.decisionP99Ms ? 0 : 1;
} finally {
  await system.stop();
}
