/** The audit service alone, in this process, on a database of its own, under a login that has no more rights than it needs. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStore, Keyring, migrateForService, type NewEvent } from '@mandate/event-store';
import type { Clock } from '@mandate/kernel';
import { createLogger, serve, type Served } from '@mandate/service-host';
import { testDatabase, type TestDatabase } from '@mandate/testing';
import { audit } from '../src/index.js';

export interface AuditScene {
  database: TestDatabase;
  served: Served;
  /** As another service would: it appends what is searched here. */
  store: EventStore;
  masterKey: string;
  /** A login's address, a member of the audit role only. */
  auditorUrl: string;
  post<T>(path: string, body: unknown): Promise<{ status: number; body: T }>;
  get<T>(path: string): Promise<{ status: number; body: T }>;
  append(
    stream: string,
    events: readonly Partial<NewEvent>[],
    by?: { actor?: string; onBehalfOf?: string[]; traceparent?: string; dataSubject?: string; open?: boolean },
  ): Promise<void>;
  stop(): Promise<void>;
}

export interface AuditGround {
  database: TestDatabase;
  /** 32 bytes in hex. */
  masterKey: string;
  /** Outlives the database. */
  stateFolder: string;
}

export const makeAuditGround = async (): Promise<AuditGround> => ({
  database: await testDatabase({ template: 'empty' }),
  masterKey: randomBytes(32).toString('hex'),
  stateFolder: await mkdtemp(join(tmpdir(), 'mandate-audit-')),
});

export const dropAuditGround = async ({ database, stateFolder }: AuditGround): Promise<void> => {
  await database.stop();
  await rm(stateFolder, { recursive: true, force: true });
};

/** On a ground of its own, which goes with it, or on the one given, which stays. */
export const startAuditScene = async (given?: AuditGround, clock?: Clock): Promise<AuditScene> => {
  const ground = given ?? (await makeAuditGround());
  const { database, masterKey, stateFolder } = ground;
  const auditor = new URL(database.url);
  auditor.username = `auditor_${randomBytes(4).toString('hex')}`;
  auditor.password = randomBytes(12).toString('hex');
  const logger = createLogger({ service: 'tests', instance: 'audit-1', level: 'silent' });
  const served = await serve(
    [audit],
    {
      databaseUrl: auditor.href,
      ownerUrl: database.url,
      natsUrl: 'nats://127.0.0.1:1',
      masterKey,
      stateFolder,
      instance: 'audit-1',
      logger,
      ...(clock ? { clock } : {}),
    },
    { host: '127.0.0.1', port: 0 },
  );
  await migrateForService({ databaseUrl: database.url }, 'mandate_service');
  const where = { service: 'tests', instance: 'tests-1' };
  const store = await EventStore.open({ databaseUrl: database.url, keyring: new Keyring(masterKey), where });
  return {
    database,
    served,
    store,
    masterKey,
    auditorUrl: auditor.href,
    post: async <T>(path: string, body: unknown) => {
      const response = await fetch(served.url + path, { method: 'POST', ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      return { status: response.status, body: (await response.json()) as T };
    },
    get: async <T>(path: string) => {
      const response = await fetch(served.url + path);
      return { status: response.status, body: (await response.json()) as T };
    },
    append: async (id, events, { actor = 'ann', onBehalfOf, traceparent, dataSubject, open } = {}) => {
      const result = await store.append({
        tenant: 'default',
        stream: { type: 'delegation', id },
        expected: 'any',
        events: events.map((event) => ({
          type: 'dev.mandate.delegation.requested.v1',
          occurredAt: '2026-11-25T12:00:00.000Z',
          data: {},
          ...event,
        })),
        actor: { kind: 'agent', id: actor, ...(onBehalfOf ? { onBehalfOf } : {}) },
        correlationId: id,
        ...(traceparent ? { traceparent } : {}),
        ...(dataSubject ? { dataSubject } : {}),
        ...(open === undefined ? {} : { open }),
      });
      if (!result.ok) throw new Error(result.message);
    },
    stop: async () => {
      await store.close();
      await served.close();
      if (!given) await dropAuditGround(ground);
    },
  };
};
