/** Between the domain's events and the store's. */
import { eventTypeName, foldStored, type Delegation, type DelegationEvent } from '@mandate/delegation';
import type { NewEvent, RecordedEvent } from '@mandate/event-store';
import { AppError, timestamp, type JsonObject } from '@mandate/kernel';

const DENIALS: ReadonlySet<DelegationEvent['type']> = new Set(['rejected', 'denied', 'approvalexpired']);

export const newEvent = ({ type, at, data, personal }: DelegationEvent): NewEvent => ({
  type: eventTypeName(type),
  occurredAt: timestamp(at),
  data: data as unknown as JsonObject,
  ...(personal ? { personal: personal as unknown as JsonObject } : {}),
  ...(DENIALS.has(type) ? { outcome: 'denied' as const } : {}),
});

/** It was there once: its id is taken for good, its events went when their time was over. */
export const retired = (id: string): AppError =>
  new AppError('RETIRED', 'not-found', `delegation ${id} is over, and its events are retired: the archive has them`);

/** Rebuilds the state of a delegation that is known; erased personal data stays absent. Throws AppError `RETIRED` when its events are gone. */
export const fold = (recorded: readonly RecordedEvent[], id: string): Delegation => {
  if (recorded.length === 0) throw retired(id);
  return foldStored(recorded, id);
};

export { fromStored as domainEvent } from '@mandate/delegation';
