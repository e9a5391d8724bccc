/** A schedule's time came: its delegation is asked for, and those that make room for it are canceled. A durable reaction to `triggered`. */
import { subjects } from '@mandate/contracts';
import type { EventStore, Reaction, RecordedEvent } from '@mandate/event-store';
import { SCHEDULE_AGGREGATE, scheduleEventName } from '@mandate/scheduling';
import type { JetStreamClient } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { cancelNamed } from './cancel-tree.js';
import { requestIn } from './schedules.js';

export const scheduleAsks = (store: EventStore, bus: JetStreamClient): Reaction => ({
  name: 'schedules',
  types: [scheduleEventName('triggered')],
  react: async (events) => {
    for (const event of events) {
      await ask(store, bus, event);
      await cancelNamed(bus, event, `the next one of its schedule ${event.stream.id} takes its place`);
    }
  },
});

/** Under the id that stands in the event, so that a repetition changes nothing; nothing is left to ask for once the request is erased. */
const ask = async (store: EventStore, bus: JetStreamClient, { tenant, stream, data, traceparent }: RecordedEvent): Promise<void> => {
  const [created] = await store.readStream({ tenant, stream: { type: SCHEDULE_AGGREGATE, id: stream.id }, decrypt: true });
  const request = requestIn(created ? [created] : []);
  if (!created || 'erased' in request) return;
  const id = String(data['delegationId']);
  const headers = newHeaders();
  if (traceparent) headers.set('traceparent', traceparent);
  const subject = subjects.request(tenant, id, String(created.data['by']));
  await bus.publish(subject, JSON.stringify({ ...request, id }), { headers });
};
