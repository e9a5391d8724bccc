/** Between the domain's events and the store's. */
import { eventTypeName, evolve, initial, type Delegation, type DelegationEvent } from '@mandate/delegation';
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
  return recorded.reduce<Delegation>((state, event) => evolve(state, domainEvent(event), id), initial);
};

export const domainEvent = (event: RecordedEvent): DelegationEvent => {
  const type = event.type.split('.')[3];
  if (type === undefined) throw new AppError('UNKNOWN_EVENT', 'internal', `${event.type} is no delegation event`);
  return {
    type,
    at: Date.parse(event.occurredAt),
    data: event.data,
    personal: event.personal && !('erased' in event.personal) ? event.personal : undefined,
  } as unknown as DelegationEvent;
};
