import { AppError, type JsonObject } from '@mandate/kernel';
import type { DelegationEvent } from './events.js';
import { evolve, initial } from './evolve.js';
import type { Delegation } from './model.js';

/** What of a stored event the domain reads. */
export interface StoredEvent {
  type: string;
  /** RFC 3339. */
  occurredAt: string;
  data: JsonObject;
  personal?: JsonObject | { erased: true };
}

/** The event of the domain; erased personal data is absent. Throws AppError `UNKNOWN_EVENT` for one of another aggregate. */
export const fromStored = (event: StoredEvent): DelegationEvent => {
  const [, , aggregate, type] = event.type.split('.');
  if (aggregate !== 'delegation' || type === undefined)
    throw new AppError('UNKNOWN_EVENT', 'internal', `${event.type} is no delegation event`);
  return {
    type,
    at: Date.parse(event.occurredAt),
    data: event.data,
    personal: event.personal && !('erased' in event.personal) ? event.personal : undefined,
  } as unknown as DelegationEvent;
};

/** The state that stored events tell. */
export const foldStored = (stored: readonly StoredEvent[], id: string): Delegation =>
  stored.reduce<Delegation>((state, event) => evolve(state, fromStored(event), id), initial);
