/**
 * The kill test: delegations are asked for at a steady rate while PostgreSQL, nats-server, the engine and its workers are killed with
 * SIGKILL at moments that a seed decides; then everything that is stored anywhere is checked against everything else.
 */
import { seeded, until } from '@mandate/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import pg from 'pg';
import { checkBus, checkEndings, checkLedger, checkLog, checkOutputs, checkRest, checkSuccesses, type StepOutput } from './checks.js';
import { carryOut, planKills, type Kill } from './killer.js';
import { publishLoad, type Asked, type Load } from './load.js';
import { readBus, readLog, type Log } from './log.js';
import { reportOf, type KillReport } from './report.js';
import { startSystem, type System } from './system.js';

export interface KillTestOptions {
  seed: number;
  delegations: number;
  perSecond: number;
  /** How often each kind of process is killed. */
  killsEach: number;
  workers: number;
  /** Of this test alone; holds the servers' data and the logs. */
  folder: string;
  log: (line: string) => void;
  /** For whoever gives up on the test: what runs has to be stopped by its supervisor, which would start again what others kill. */
  onStarted?: (system: System) => void;
}

/** From the last request and the last recovery to the last ending. */
const SETTLE_MS = 120_000;

export const killTest = async (options: KillTestOptions): Promise<KillReport> => {
  const { seed, delegations, perSecond, killsEach, log } = options;
  log(`seed ${seed}: ${delegations} delegations at ${perSecond}/s, each kind of process killed ${killsEach} times`);
  const random = seeded(seed);
  const [systemRandom, loadRandom, killRandom] = [1, 2, 3].map(() => seeded(random.integer(0, 2 ** 31))) as [
    typeof random,
    typeof random,
    typeof random,
  ];
  const startedAt = performance.now();
  const system = await startSystem({ folder: options.folder, workers: options.workers, random: systemRandom, log });
  options.onStarted?.(system);
  try {
    const plan = planKills(killRandom, killsEach, (delegations / perSecond) * 1_000);
    const [load, kills] = await Promise.all([
      publishLoad({ natsUrl: system.natsUrl, delegations, perSecond, random: loadRandom }),
      carryOut(plan, system, log),
    ]);
    log(`all requests are acked, all processes healthy; ${load.retries} publishes were repeated`);
    return await inspect(system, { seed, load, kills, log, seconds: () => (performance.now() - startedAt) / 1_000 });
  } finally {
    await system.stop();
  }
};

interface Ran {
  seed: number;
  load: Load;
  kills: Kill[];
  log: (line: string) => void;
  seconds: () => number;
}

const inspect = async (system: System, { seed, load, kills, log, seconds }: Ran): Promise<KillReport> => {
  const database = new pg.Client({ connectionString: system.databaseUrl });
  const ledger = new pg.Client({ connectionString: system.ledgerUrl });
  const connection = await connect({ servers: system.natsUrl });
  await Promise.all([database.connect(), ledger.connect()]);
  try {
    const violations = await settled(database, connection, load.asked);
    log('settled; checking');
    const stored = await readLog(database);
    await published(connection, stored.size);
    const onBus = await readBus(connection);
    const later = await readLog(database);
    const { rows: applied } = await ledger.query<{ step_key: string; token: string }>('SELECT step_key, token FROM ledger');
    const { rows: runs } = await ledger.query<{ count: string }>('SELECT count(*) AS count FROM run');
    const { rows: parked } = await database.query<{ reason: string }>("SELECT reason FROM es.dead_letter WHERE kind = 'message'");
    violations.push(
      ...checkEndings(load.asked, stored),
      ...checkSuccesses(load.asked, stored),
      ...checkLedger(load.asked, applied),
      ...checkOutputs(load.asked, await shownSteps(system.apiUrl(), load.asked), applied),
      ...checkLog(stored),
      ...checkBus(stored, onBus, later),
      ...checkRest(
        await restOf(database, connection),
        parked.map(({ reason }) => reason),
      ),
    );
    return reportOf({
      seed,
      load,
      kills,
      stored,
      published: onBus,
      handlerRuns: Number(runs[0]?.count),
      parked: parked.length,
      violations,
      seconds: seconds(),
    });
  } finally {
    await Promise.all([database.end(), ledger.end(), connection.close()]);
  }
};

const OPEN = `SELECT count(*) AS count FROM es.stream WHERE type = 'delegation' AND open`;
const KNOWN = `SELECT count(*) AS count FROM es.stream WHERE type = 'delegation' AND id = ANY($1)`;

/** Waits for the last ending and for the bus to have it; what does not come in time is a violation, and the rest is checked all the same. */
const settled = async (database: pg.Client, connection: NatsConnection, asked: readonly Asked[]): Promise<string[]> => {
  const number = async (sql: string, values: unknown[] = []): Promise<number> =>
    Number((await database.query<{ count: string }>(sql, values)).rows[0]?.count);
  const ids = asked.map(({ id }) => id);
  const violations: string[] = [];
  const wait = (what: string, condition: () => Promise<boolean>): Promise<unknown> =>
    until(condition, { what, timeoutMs: SETTLE_MS, everyMs: 100 }).catch((error: Error) => violations.push(error.message));
  await wait('every acked request to be known', async () => (await number(KNOWN, [ids])) === ids.length);
  await wait('every delegation to end', async () => (await number(OPEN)) === 0);
  await wait('the inbound stream to be empty', async () => (await messagesIn(connection)) === 0);
  await wait(
    'the bus to have the last event',
    async () => (await lastPublished(connection)) >= (await number('SELECT size AS count FROM es.log')),
  );
  return violations;
};

/** Resolves once the bus has the event at this position. */
const published = (connection: NatsConnection, position: number): Promise<unknown> =>
  until(async () => (await lastPublished(connection)) >= position, { what: `the bus to have event ${position}`, timeoutMs: SETTLE_MS });

const messagesIn = async (connection: NatsConnection): Promise<number> =>
  (await (await jetstreamManager(connection)).streams.info('MANDATE_IN')).state.messages;

const lastPublished = async (connection: NatsConnection): Promise<number> => {
  const { streams } = await jetstreamManager(connection);
  const { state } = await streams.info('MANDATE_EVENTS');
  const last = await streams.getMessage('MANDATE_EVENTS', { seq: state.last_seq });
  return Number(last?.header.get('ce-sequence') ?? 0);
};

const restOf = async (database: pg.Client, connection: NatsConnection): Promise<Record<string, number>> => {
  const { rows } = await database.query<Record<string, string>>(
    `SELECT (SELECT count(*) FROM es.slot) AS "es.slot", (SELECT count(*) FROM es.waiting) AS "es.waiting",
            (SELECT count(*) FROM es.stream WHERE type = 'delegation' AND open) AS "open delegations"`,
  );
  const rest = Object.fromEntries(Object.entries(rows[0] ?? {}).map(([what, left]) => [what, Number(left)]));
  return { ...rest, MANDATE_IN: await messagesIn(connection) };
};

const READING_AT_ONCE = 8;

const shownSteps = async (apiUrl: string, asked: readonly Asked[]): Promise<StepOutput[]> => {
  const shown: StepOutput[] = [];
  const queue = [...asked];
  const read = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const { id } = next;
      const answer = await fetch(`${apiUrl}/api/delegations/${id}`);
      const view = (await answer.json()) as { steps?: { id: string; state: string; output?: StepOutput['output'] }[] };
      for (const step of view.steps ?? []) shown.push({ stepKey: `${id}/${step.id}`, state: step.state, output: step.output });
    }
  };
  await Promise.all(Array.from({ length: READING_AT_ONCE }, read));
  return shown;
};

export type { KillReport, Log };
