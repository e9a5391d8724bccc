/** The audit service alone, in this process, on a database of its own, under a login that has no more rights than it needs. */
import { randomBytes } from 'node:crypto';
import { EventStore, Keyring, migrateForService, type NewEvent } from '@mandate/event-store';
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
  get<T>(path: string): Promise<{ status: number; body: T }>;
  append(
    stream: string,
    events: readonly Partial<NewEvent>[],
    by?: { actor?: string; onBehalfOf?: string[]; traceparent?: string },
  ): Promise<void>;
  stop(): Promise<void>;
}

export const startAuditScene = async (): Promise<AuditScene> => {
  const database = await testDatabase({ template: 'empty' });
  const auditor = new URL(database.url);
  auditor.username = `auditor_${randomBytes(4).toString('hex')}`;
  auditor.password = randomBytes(12).toString('hex');
  const masterKey = randomBytes(32).toString('hex');
  const logger = createLogger({ service: 'tests', instance: 'audit-1', level: 'silent' });
  const served = await serve(
    [audit],
    { databaseUrl: auditor.href, ownerUrl: database.url, natsUrl: 'nats://127.0.0.1:1', masterKey, instance: 'audit-1', logger },
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
    get: async <T>(path: string) => {
      const response = await fetch(served.url + path);
      return { status: response.status, body: (await response.json()) as T };
    },
    append: async (id, events, { actor = 'ann', onBehalfOf, traceparent } = {}) => {
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
      });
      if (!result.ok) throw new Error(result.message);
    },
    stop: async () => {
      await store.close();
      await served.close();
      await database.stop();
    },
  };
};
