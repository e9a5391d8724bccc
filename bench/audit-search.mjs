// Searching the trail: what the index costs and how long answers take, with delegations of twelve events, each with a trace of its own.
//   npm run build && npx node bench/audit-search.mjs [events]
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { audit } from '@mandate/audit';
import { startPostgres } from '@mandate/embedded';
import { EventStore, Keyring, migrate } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import { createLogger, serve } from '@mandate/service-host';
import pg from 'pg';
import { freePort } from './lib/servers.mjs';

/** Whole segments: what is not indexed yet is read. */
const EVENTS = Number(process.argv[2] ?? 245 * 4_096);
const PER_DELEGATION = 12;
const ABREAST = 128;
const SEGMENT = 4_096;
const ASKED = 40;
/** A million events a day for 90 days. */
const DAYS = 90;

const folder = await mkdtemp(join(tmpdir(), 'mandate-bench-search-'));
await chmod(folder, 0o711);
const server = await startPostgres({ dataDir: join(folder, 'postgres'), port: await freePort() });
await migrate(server.url);
const masterKey = randomBytes(32).toString('hex');
const store = await EventStore.open({
  databaseUrl: server.url,
  keyring: new Keyring(masterKey),
  where: { service: 'bench', instance: 'bench-1' },
});

const NAMES = ['requested', 'recognised', 'planned', 'stepdispatched', 'stepstarted', 'stepsucceeded', 'completed'];
const CAPABILITIES = ['search-archive', 'extract-facts', 'write-report', 'summarise'];
const traces = [];
const ids = [];

const appendDelegation = async (n) => {
  const id = ulid(Date.now(), randomBytes(10));
  const trace = randomBytes(16).toString('hex');
  if (n % 997 === 0) traces.push(trace) && ids.push(id);
  const even = n % 2 === 0;
  await store.append({
    tenant: 'default',
    stream: { type: 'delegation', id },
    expected: 'no-stream',
    events: Array.from({ length: PER_DELEGATION }, (_, i) => ({
      type: `dev.mandate.delegation.${NAMES[i % NAMES.length]}.v1`,
      occurredAt: new Date().toISOString(),
      data: {
        stepId: `s${i % 3}`,
        attempt: 1,
        capability: CAPABILITIES[(n + i) % 4],
        instance: `worker-${n % 20}`,
        parity: even ? 'evenly' : 'oddly',
      },
      // Every even delegation fails its last event; "oddly failed" never happens, though both words are everywhere.
      ...(i === PER_DELEGATION - 1 && even ? { outcome: 'failure', reason: 'NO_WORKER' } : {}),
      ...(i % 4 === 0 ? { personal: { output: 'y'.repeat(300) } } : {}),
    })),
    actor: { kind: 'agent', id: `agent-${n % 200}` },
    correlationId: id,
    traceparent: `00-${trace}-b7ad6b7169203331-01`,
  });
};

const fill = async () => {
  let n = 0;
  const filler = async () => {
    while (n * PER_DELEGATION < EVENTS) await appendDelegation(n++);
  };
  await Promise.all(Array.from({ length: ABREAST }, filler));
};

const percentile = (times, q) => Number(times.toSorted((a, b) => a - b)[Math.floor(times.length * q)].toFixed(1));

try {
  await fill();
  const logger = createLogger({ service: 'bench', instance: 'bench', level: 'silent' });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const running = await serve(
    [audit],
    { databaseUrl: server.url, natsUrl: 'nats://127.0.0.1:1', masterKey, stateFolder: join(folder, 'state'), instance: 'bench', logger },
    { host: '127.0.0.1', port: 0 },
  );
  const indexed = async () => Number((await client.query('SELECT count(*) AS n FROM audit.segment')).rows[0].n);
  const whole = Math.floor((await store.head()).size / SEGMENT);
  const begun = { at: performance.now(), segments: await indexed(), cpu: process.cpuUsage() };
  while ((await indexed()) < whole) await delay(100);
  const cpu = process.cpuUsage(begun.cpu);
  const events = (whole - begun.segments) * SEGMENT;
  const { rows } = await client.query("SELECT pg_total_relation_size('audit.term') AS term, (SELECT count(*) FROM audit.term) AS rows");
  const ask = async (query) => {
    const started = performance.now();
    const response = await fetch(`${running.url}/api/audit/events?${new URLSearchParams(query)}`);
    const { items } = await response.json();
    return { ms: performance.now() - started, found: items.length };
  };
  const questions = {
    'an actor that there is not': () => ({ actor: 'nobody' }),
    'one trace': (i) => ({ trace: traces[i % traces.length] }),
    'one delegation': (i) => ({ resource: `delegation/${ids[i % ids.length]}` }),
    'an actor and an action, newest 50': (i) => ({ actor: `agent-${i}`, action: 'dev.mandate.delegation.completed.v1' }),
    'two words that are frequent together, newest 50': () => ({ q: 'no worker evenly' }),
    'two that are frequent and never meet': () => ({ q: 'oddly', outcome: 'failure' }),
  };
  const answers = {};
  for (const [name, query] of Object.entries(questions)) {
    const asked = [];
    for (let i = 0; i < ASKED; i++) asked.push(await ask(query(i)));
    const times = asked.map(({ ms }) => ms);
    answers[name] = { found: asked[0].found, leastMs: percentile(times, 0), p50Ms: percentile(times, 0.5), p95Ms: percentile(times, 0.95) };
  }
  // What others do on the machine only adds: the least of forty is the nearest to what it takes.
  const fixed = answers['an actor that there is not'].leastMs;
  const slope = (answers['two that are frequent and never meet'].leastMs - fixed) / whole;
  const result = {
    events: (await store.head()).size,
    index: {
      eventsPerSecond: Math.round((events / (performance.now() - begun.at)) * 1000),
      nodeCpuMicrosEach: Number(((cpu.user + cpu.system) / events).toFixed(1)),
      rowsAnEvent: Number((Number(rows[0].rows) / (whole * SEGMENT)).toFixed(2)),
      bytesAnEvent: Math.round(Number(rows[0].term) / (whole * SEGMENT)),
    },
    answers,
    [`the worst, carried on to ${DAYS} million events`]: `${Math.round(fixed + slope * ((DAYS * 1_000_000) / SEGMENT))} ms`,
  };
  console.log(JSON.stringify(result, null, 2));
  await running.close();
  await client.end();
} finally {
  await store.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
