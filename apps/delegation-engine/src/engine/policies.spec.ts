/** News of a policy that cannot be read when they come: an engine must not go on with the old one until the next change. */
import { describe, expect, it } from '@jest/globals';
import type { EventStore, RecordedEvent } from '@mandate/event-store';
import { policyEventName, type PolicyEvent } from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import { Policies } from './policies.js';

const recorded = (version: number, max: number): Partial<RecordedEvent> => ({
  type: policyEventName('limitset'),
  version,
  occurredAt: '2026-01-05T09:00:00.000Z',
  data: { kind: 'tenant', name: '', max, by: 'olga', reason: '' },
});

const scene = async (): Promise<{
  log: Partial<RecordedEvent>[];
  down: (is: boolean) => void;
  told: () => void;
  policies: Policies;
  seen: PolicyEvent[];
}> => {
  const log: Partial<RecordedEvent>[] = [];
  const seen: PolicyEvent[] = [];
  let isDown = false;
  let told = (): void => undefined;
  const answer = <T>(value: T): Promise<T> => (isDown ? Promise.reject(new Error('the log does not answer')) : Promise.resolve(value));
  const store = {
    streamsOfType: () => answer(log.length > 0 ? [{ tenant: 'acme', stream: { type: 'policy', id: 'flow' } }] : []),
    readStream: ({ fromVersion }: { fromVersion: number }) => answer(log.slice(fromVersion - 1)),
  };
  const connection = {
    subscribe: (_subject: string, { callback }: { callback: (error: null, message: { subject: string }) => void }) => {
      told = () => callback(null, { subject: 'mandate.v1.acme.event.policy.flow' });
      return { unsubscribe: () => undefined };
    },
  };
  const policies = new Policies({
    connection: connection as unknown as NatsConnection,
    store: store as unknown as EventStore,
    logger: { warn: () => undefined } as unknown as Logger,
    changed: (_tenant, event) => seen.push(event),
  });
  await policies.start();
  return { log, down: (is) => (isDown = is), told: () => told(), policies, seen };
};

describe('news of a policy that could not be read', () => {
  it('are read by a later tick, once', async () => {
    const { log, down, told, policies, seen } = await scene();
    log.push(recorded(1, 3));
    down(true);
    told();
    await expect(policies.load()).rejects.toThrow('the log does not answer');
    await expect(policies.readAgain()).rejects.toThrow('the log does not answer');
    expect(policies.of('acme').limits).toEqual({});
    down(false);
    await policies.readAgain();
    await policies.readAgain();
    expect(policies.of('acme').limits).toEqual({ 'tenant:': 3 });
    expect(seen).toHaveLength(1);
  });

  it('are read again for that tenant alone when only they were missed', async () => {
    const { log, down, told, policies } = await scene();
    log.push(recorded(1, 3));
    down(true);
    told();
    await expect(
      policies.command('acme', { type: 'set-weight', weight: 2, by: 'olga', reason: '', now: 0 }, {} as never),
    ).rejects.toThrow();
    down(false);
    await policies.readAgain();
    expect(policies.of('acme').limits).toEqual({ 'tenant:': 3 });
  });
});
