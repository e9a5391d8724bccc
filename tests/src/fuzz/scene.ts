/** What the storm is let loose on: an engine in its own process, a good worker, and victims in the middle of their work. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWorld } from '@mandate/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { startEngineProcess, writeMasterKey } from '../e2e/engine-process.js';
import type { PlainApi } from '../e2e/plain-api.js';
import { PlainRequester } from '../e2e/plain-requester.js';
import { completed, PlainWorker, type Offer } from '../e2e/plain-worker.js';
import type { Target } from './hostile-message.js';

const VICTIMS = 12;
const CAPABILITY = 'shout';

export interface FuzzScene {
  readonly api: PlainApi;
  readonly target: Target;
  /** The good side's connection. */
  readonly good: NatsConnection;
  /** The hostile side's connection: what it breaks of its own is not the good side's loss. */
  readonly hostile: NatsConnection;
  /** Events of the victims, as the log has them. */
  victimEvents(): Promise<string[]>;
  /** Lets the victims' steps finish; resolves to what they ended as. */
  finishVictims(): Promise<string[]>;
  parked(): Promise<{ source: string; reason: string; count: number }[]>;
  /** Messages still in MANDATE_IN. */
  inbound(): Promise<number>;
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
}

export const startFuzzScene = async (canary: string): Promise<FuzzScene> => {
  const world = await startWorld();
  const folder = mkdtempSync(join(tmpdir(), 'mandate-fuzz-'));
  const masterKeyFile = writeMasterKey(join(folder, 'master.key'), randomBytes(32).toString('hex'));
  const engine = await startEngineProcess({ world, instance: 'engine-fuzz', masterKeyFile });
  const requester = await PlainRequester.connect(world.nats.url);
  const hostile = await connect({ servers: world.nats.url });
  const database = new pg.Client({ connectionString: world.database.url });
  await database.connect();
  const held: Offer[] = [];
  const work = (offer: Offer): ReturnType<typeof completed> | undefined => {
    if (offer.goal !== 'victim') return completed('done');
    held.push(offer);
    return undefined;
  };
  const worker = await PlainWorker.start(requester.connection, { capabilities: [{ name: CAPABILITY, concurrency: 200 }], work });
  const asked = await Promise.all(
    Array.from({ length: VICTIMS }, () => requester.ask({ goal: 'victim', steps: [{ id: 'held', capability: CAPABILITY }] })),
  );
  const ids = asked.map(({ id }) => id);
  for (const id of ids) await requester.event(id, 'stepstarted');
  const victims = held.map(({ delegationId, stepId, attempt, leaseId }) => ({ id: delegationId, stepId, attempt, leaseId }));
  const manager = await jetstreamManager(requester.connection);
  return {
    api: engine.api,
    target: { victims, capability: CAPABILITY, instance: worker.instance, canary, maxPayload: hostile.info?.max_payload ?? 1_048_576 },
    good: requester.connection,
    hostile,
    victimEvents: async () => {
      const sql = 'SELECT position, stream_id, type FROM es.event WHERE stream_id = ANY($1) ORDER BY position';
      const { rows } = await database.query<{ position: string; stream_id: string; type: string }>(sql, [ids]);
      return rows.map(({ position, stream_id: stream, type }) => `${position} ${stream} ${type}`);
    },
    finishVictims: async () => {
      await Promise.all(held.map((offer) => worker.report(offer, completed('kept'))));
      const views = await Promise.all(ids.map((id) => engine.api.inState(id, 'COMPLETED')));
      return views.map(({ result }) => JSON.stringify(result));
    },
    parked: async () => {
      const { rows } = await database.query<{ source: string; reason: string; count: string }>(
        "SELECT source, reason, count(*) AS count FROM es.dead_letter WHERE kind = 'message' GROUP BY 1, 2",
      );
      return rows.map(({ source, reason, count }) => ({ source, reason, count: Number(count) }));
    },
    inbound: async () => (await manager.streams.info('MANDATE_IN')).state.messages,
    residentBytes: async () => Number(/^process_resident_memory_bytes (\d+)/m.exec((await engine.api.get('/metrics')).text)?.[1]),
    stop: async () => {
      worker.stop();
      await hostile.close();
      await requester.close();
      await engine.stop();
      await database.end();
      await world.stop();
      rmSync(folder, { recursive: true });
    },
  };
};
