// The event store beside Emmett on the same PostgreSQL in the same run: single-event appends of 64 callers, and reading and folding 1,000 events.
//   npm run build && npm --prefix bench ci && npx node bench/event-store.mjs [seconds]
// DATABASE_URL names an owner on a server to use (a database is made and dropped there); otherwise an embedded server is started.
import { randomBytes, randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStore, Keyring, migrate } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';

const pg = createRequire(new URL('../libs/event-store/package.json', import.meta.url))('pg');
const { getPostgreSQLEventStore } = await import('@event-driven-io/emmett-postgresql');

const CALLERS = 64;
const SECONDS = Number(process.argv[2] ?? 2);
const WARM_SECONDS = 0.5;
const ROUNDS = 3;
const FOLDED_EVENTS = 1000;
const GOALS = { append: 10, fold: 2 };

const data = { kind: 'step.completed', worker: 'w-1', note: 'x'.repeat(300) };

/** Ids for both stores, from randomness fetched ahead: a call of the system for each would cost as much as preparing an event. */
const entropy = Buffer.alloc(64 * 1024);
let used = entropy.length;
const newId = () => {
  if (used + 10 > entropy.length) {
    randomFillSync(entropy);
    used = 0;
  }
  return ulid(Date.now(), entropy.subarray(used, (used += 10)));
};

/** Closed loop: every caller appends again as soon as its append is durable. */
const closedLoop = async (append) => {
  const started = performance.now();
  const from = started + WARM_SECONDS * 1000;
  const end = from + SECONDS * 1000;
  const latencies = [];
  const caller = async () => {
    for (let at = performance.now(); at < end;) {
      await append();
      const now = performance.now();
      if (at >= from) latencies.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  latencies.sort((a, b) => a - b);
  const at = (q) => Number(latencies[Math.floor(latencies.length * q)].toFixed(2));
  return { perSecond: Math.round((latencies.length / (performance.now() - from)) * 1000), p50Ms: at(0.5), p99Ms: at(0.99) };
};

const perSecond = async (work) => {
  for (let i = 0; i < 20; i++) await work();
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < SECONDS * 1000) {
    await work();
    count++;
  }
  return Math.round((count / (performance.now() - started)) * 10_000) / 10;
};

const mandate = async (url) => {
  await migrate(url);
  const store = await EventStore.open({
    databaseUrl: url,
    keyring: new Keyring(randomBytes(32).toString('hex')),
    where: { service: 'bench', instance: 'bench' },
  });
  const actor = { kind: 'worker', id: 'w-1' };
  const occurredAt = new Date().toISOString();
  const entry = (id, count = 1) => ({
    tenant: 'default',
    stream: { type: 'delegation', id },
    expected: 'no-stream',
    events: Array.from({ length: count }, (_, n) => ({
      type: 'dev.mandate.delegation.stepsucceeded.v1',
      occurredAt,
      data: { ...data, n },
    })),
    actor,
    correlationId: id,
  });
  return {
    append: async () => {
      const result = await store.append(entry(newId()));
      if (!result.ok) throw new Error(result.message);
    },
    fold: async () => {
      const id = newId();
      await store.append(entry(id, FOLDED_EVENTS));
      return async () => {
        const events = await store.readStream({ tenant: 'default', stream: { type: 'delegation', id } });
        const sum = events.reduce((total, event) => total + event.data.n, 0);
        if (sum !== expectedSum) throw new Error(`folded to ${sum}`);
      };
    },
    close: () => store.close(),
  };
};

const emmett = async (url) => {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  const events = (count = 1) => Array.from({ length: count }, (_, n) => ({ type: 'StepSucceeded', data: { ...data, n } }));
  const newStream = () => `delegation-${newId()}`;
  return {
    append: () => store.appendToStream(newStream(), events()),
    fold: async () => {
      const id = newStream();
      await store.appendToStream(id, events(FOLDED_EVENTS));
      return async () => {
        const { state } = await store.aggregateStream(id, { evolve: (total, event) => total + event.data.n, initialState: () => 0 });
        if (state !== expectedSum) throw new Error(`folded to ${state}`);
      };
    },
    close: () => store.close(),
  };
};

const expectedSum = (FOLDED_EVENTS * (FOLDED_EVENTS - 1)) / 2;

/**
 * Rounds in turn, so that what else the machine does meets both alike; of each figure the median round. Each begins behind a checkpoint, and the first round
 * of appends is not counted: as on any server that has run for a while, the WAL then goes to files that are there already, instead of making them.
 */
const measure = async (stores, checkpoint) => {
  const rounds = stores.map(() => ({ append: [], fold: [] }));
  const folds = await Promise.all(stores.map((store) => store.fold()));
  for (const store of stores) await closedLoop(store.append);
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, store] of stores.entries()) {
      await checkpoint();
      rounds[i].append.push(await closedLoop(store.append));
      rounds[i].fold.push(await perSecond(folds[i]));
    }
  return rounds.map(({ append, fold }) => ({
    append: append.sort((a, b) => a.perSecond - b.perSecond)[Math.floor(ROUNDS / 2)],
    foldsPerSecond: fold.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)],
  }));
};

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const startServer = async () => {
  if (process.env.DATABASE_URL) return { url: process.env.DATABASE_URL, stop: async () => undefined };
  const { startPostgres } = await import('@mandate/embedded');
  const dir = await mkdtemp(join(tmpdir(), 'mandate-bench-'));
  await (await import('node:fs/promises')).chmod(dir, 0o711);
  const server = await startPostgres({ dataDir: join(dir, 'postgres'), port: await freePort() });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** Emmett's close() resolves before its connections are gone. */
const sessionsEnded = async (admin, name) => {
  const giveUpAt = performance.now() + 30_000;
  for (;;) {
    const { rowCount } = await admin.query('SELECT FROM pg_stat_activity WHERE datname = $1', [name]);
    if (rowCount === 0 || performance.now() > giveUpAt) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const checkpointer = async (serverUrl) => {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  return { checkpoint: () => client.query('CHECKPOINT'), close: () => client.end() };
};

const inFreshDatabase = async (serverUrl, work) => {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  try {
    return await work(url.href);
  } finally {
    await sessionsEnded(admin, name);
    await admin.query(`DROP DATABASE ${name}`);
    await admin.end();
  }
};

const server = await startServer();
try {
  const [ours, theirs] = await inFreshDatabase(server.url, (ourUrl) =>
    inFreshDatabase(server.url, async (theirUrl) => {
      const stores = [await mandate(ourUrl), await emmett(theirUrl)];
      const { checkpoint, close } = await checkpointer(server.url);
      try {
        return await measure(stores, checkpoint);
      } finally {
        await close();
        for (const store of stores) await store.close();
      }
    }),
  );
  const ratios = {
    append: Number((ours.append.perSecond / theirs.append.perSecond).toFixed(1)),
    fold: Number((ours.foldsPerSecond / theirs.foldsPerSecond).toFixed(1)),
  };
  console.log(
    JSON.stringify({ callers: CALLERS, seconds: SECONDS, rounds: ROUNDS, mandate: ours, emmett: theirs, ratios, goals: GOALS }, null, 2),
  );
  process.exitCode = ratios.append >= GOALS.append && ratios.fold >= GOALS.fold ? 0 : 1;
} finally {
  await server.stop();
}
