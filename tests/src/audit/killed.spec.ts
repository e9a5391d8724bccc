/** kill −9 at each step between a request and its answer: whoever was answered is on record, and what was stored is not lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startWorld, until, type World } from '@mandate/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { checkLog } from '../chaos/checks.js';
import { readLog } from '../chaos/log.js';
import { startEngineProcess, writeMasterKey, type EngineProcess } from '../e2e/engine-process.js';
import { CAPABILITY, Callers, type Told } from './kill/callers.js';
import { STEPS } from './kill/points.js';

/** Built, as the program that it is loaded into. */
const DIE_AT = fileURLToPath(new URL('../../dist/audit/kill/die-at.js', import.meta.url));

let world: World;
let database: pg.Client;
let connection: NatsConnection;
let masterKeyFile: string;
let rounds = 0;
const everStored = new Set<string>();
const folder = mkdtempSync(join(tmpdir(), 'mandate-killed-'));

beforeAll(async () => {
  world = await startWorld();
  database = new pg.Client({ connectionString: world.database.url });
  await database.connect();
  connection = await connect({ servers: world.nats.url });
  masterKeyFile = writeMasterKey(join(folder, 'master.key'), 'cd'.repeat(32));
});
afterAll(async () => {
  await connection.close();
  await database.end();
  await world.stop();
  rmSync(folder, { recursive: true });
});

const start = async (): Promise<EngineProcess> => {
  // As if the leases of whoever was killed before had run out meanwhile.
  await database.query("UPDATE es.partition_owner SET lease_until = '-infinity'");
  await database.query("UPDATE es.lease_owner SET lease_until = '-infinity'");
  await database.query("UPDATE es.partition_member SET lease_until = '-infinity'");
  const instance = `victim-${rounds++}`;
  return startEngineProcess({ world, instance, masterKeyFile, preload: DIE_AT });
};

const ABSENT = { name: 'absent', version: '1', instance: 'absent-1', capabilities: [{ name: CAPABILITY, description: 'nobody does it' }] };

interface Recorded {
  stream: { id: string };
  type: string;
  actor: { id: string };
  data: { count: number; resource?: string; resources?: string[] };
}

const recorded = async (): Promise<Recorded[]> =>
  (
    await database.query<{ record: Recorded }>(
      `SELECT convert_from(canonical, 'UTF8')::jsonb AS record FROM es.event
        WHERE type IN ('dev.mandate.delegation.requested.v1', 'dev.mandate.delegation.rejected.v1', 'dev.mandate.audit.refused.v1',
                      'dev.mandate.audit.read.v1')`,
    )
  ).rows.map(({ record }) => record);

/** What somebody was told and the log does not say. */
const unrecorded = async ({ taken, rejected, refusals, shown }: Told, reader: string): Promise<string[]> => {
  const records = await recorded();
  const ids = (name: string): Set<string> =>
    new Set(records.filter(({ type }) => type === `dev.mandate.delegation.${name}.v1`).map(({ stream }) => stream.id));
  const [requested, refused] = [ids('requested'), ids('rejected')];
  const count = (principal: string): number =>
    records.reduce((sum, { type, actor, data }) => sum + (type.endsWith('.refused.v1') && actor.id === principal ? data.count : 0), 0);
  const read = new Set(
    records.flatMap(({ actor, data: { resource, resources = [] } }) =>
      actor.id === reader ? [...resources, ...(resource ? [resource] : [])] : [],
    ),
  );
  return [
    ...[...shown].filter((id) => !read.has(`delegation/${id}`)).map((id) => `shown ${id}`),
    ...[...taken].filter((id) => !requested.has(id)).map((id) => `taken ${id}`),
    ...[...rejected].filter((id) => !refused.has(id)).map((id) => `rejected ${id}`),
    ...[...refusals]
      .filter(([who, answers]) => count(who) < answers)
      .map(([who, answers]) => `${answers} refusals of ${who}, ${count(who)} on record`),
  ];
};

describe('a process that is killed', () => {
  it.each(STEPS)(
    '%s, leaves nobody answered without a record',
    async (_step, order) => {
      const engine = await start();
      const callers = new Callers(connection, engine.api.url, engine.instance);
      let ended: string | null | undefined;
      void engine.ended.then((signal) => (ended = signal));
      if (rounds === 1) await connection.request('mandate.v1.default.register', JSON.stringify(ABSENT), { timeout: 5_000 });
      callers.start();
      try {
        await until(() => callers.allAnswered, { what: 'answers of each kind', timeoutMs: 20_000 });
        engine.tell(order);
        await until(() => ended !== undefined, { what: 'the process to come to the step', timeoutMs: 10_000 });
        expect(ended).toBe('SIGKILL');
      } finally {
        await engine.kill();
        await connection.flush();
        await callers.stop();
      }
      for (const id of callers.told.stored) everStored.add(id);
      expect(await unrecorded(callers.told, callers.reader)).toEqual([]);
      expect(checkLog(await readLog(database))).toEqual([]);
    },
    60_000,
  );

  it('loses nothing that the bus had acked', async () => {
    const engine = await start();
    const missing = async (): Promise<string[]> => {
      const known = new Set((await recorded()).map(({ stream }) => stream.id));
      return [...everStored].filter((id) => !known.has(id));
    };
    await until(async () => (await missing()).length === 0, { what: 'what was stored to be on record', timeoutMs: 30_000 });
    expect(everStored.size).toBeGreaterThan(STEPS.length);
    expect(await engine.stop()).toBe(0);
    expect(checkLog(await readLog(database))).toEqual([]);
  }, 60_000);
});
