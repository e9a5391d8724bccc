import type { RebuildView } from '@mandate/contracts';
import type { EventStore } from '@mandate/event-store';
import { AppError, timestamp, type Clock } from '@mandate/kernel';
import type { Caller } from '../http/index.js';

export interface Rebuilding {
  store: EventStore;
  clock: Clock;
  /** By name. */
  projection: string;
  /** Resolves to the position that it was made up to. */
  rebuild: () => Promise<number>;
}

/** Makes a read model anew from the log and puts that on record. Throws AppError `NOT_RECORDED`. */
export const recordRebuild = async (
  { store, clock, projection, rebuild }: Rebuilding,
  { tenant, principal, traceparent }: Caller,
): Promise<RebuildView> => {
  const begun = performance.now();
  const position = await rebuild();
  const rebuilt = { projection, position, ms: Math.round(performance.now() - begun) };
  const result = await store.append({
    tenant,
    stream: { type: 'audit', id: 'rebuilds' },
    expected: 'any',
    events: [{ type: 'dev.mandate.audit.rebuilt.v1', occurredAt: timestamp(clock.now()), data: { ...rebuilt } }],
    actor: { kind: 'operator', id: principal },
    correlationId: 'rebuilds',
    traceparent,
  });
  if (!result.ok) throw new AppError('NOT_RECORDED', 'unavailable', `${result.message}; it was made anew all the same`);
  return rebuilt;
};
