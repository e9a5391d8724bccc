/** What each kind of aggregate is, by its events. */
import { foldStored, toView } from '@mandate/delegation';
import type { RecordedEvent } from '@mandate/event-store';
import type { JsonObject } from '@mandate/kernel';
import { evolvePolicy, OPEN_POLICY, POLICY_EVENT_PREFIX, type PolicyEvent } from '@mandate/scheduling';

const REGISTERED = 'dev.mandate.agent.registered.v1';

/** The state that an aggregate's first events make, oldest first and at least one. */
export const aggregateState = (type: string, id: string, events: readonly RecordedEvent[]): JsonObject => {
  const last = events.at(-1) as RecordedEvent;
  switch (type) {
    case 'delegation':
      return toView(foldStored(events, id)) as unknown as JsonObject;
    case 'policy':
      return events.map(policyEvent).reduce(evolvePolicy, OPEN_POLICY) as unknown as JsonObject;
    case 'agent': {
      const registered = events.findLast((event) => event.type === REGISTERED);
      return { ...registered?.data, lost: last.type === 'dev.mandate.agent.lost.v1' };
    }
    default:
      // What only records has no state but its last word.
      return { events: events.length, last: { type: last.type, occurredAt: last.occurredAt, data: last.data } };
  }
};

const policyEvent = ({ type, occurredAt, data }: RecordedEvent): PolicyEvent =>
  ({ type: type.slice(POLICY_EVENT_PREFIX.length).replace(/\.v\d+$/, ''), at: Date.parse(occurredAt), data }) as unknown as PolicyEvent;
