/** What a tenant's recogniser was taught: events of its stream, one for each lesson. They name the delegation; its words stay where they are. */
import type { Lesson } from '@mandate/delegation';

export interface RecogniserEvent {
  type: 'taught';
  /** Milliseconds since the epoch: when what it teaches happened. */
  at: number;
  data: Lesson & {
    delegationId: string;
    /** The event that it follows from. */
    eventId: string;
    position: number;
  };
}

export const RECOGNISER_STREAM = { type: 'recogniser', id: 'layer' };
export const TAUGHT = 'dev.mandate.recogniser.taught.v1';
