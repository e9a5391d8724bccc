/** What delegations teach becomes lessons of the tenant's recogniser: a durable reaction to feedback and ends. */
import { eventTypeName, lessonOf } from '@mandate/delegation';
import type { EventStore, NewEvent, Reaction, RecordedEvent } from '@mandate/event-store';
import { AppError, type JsonObject } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import { ENGINE_PRINCIPAL } from './cancel-tree.js';
import { SNAPSHOT_EVERY, type Layers } from './layers.js';
import { RECOGNISER_STREAM, TAUGHT } from './lesson-events.js';
import { domainEvent, fold } from './recorded.js';

const FEEDBACK = eventTypeName('feedbackgiven');
/** Of all ends in one batch of the log: under load a sample teaches as well, and costs no more. What somebody says is always heard. */
const ENDS_A_BATCH = 8;
/** Half a second of the log at a time. */
export const TEACHING_PACE = { batchSize: 5_000, lingerMs: 500 };

export const teaching = (store: EventStore, layers: Layers): Reaction => ({
  name: 'teaching',
  types: [FEEDBACK, eventTypeName('completed'), eventTypeName('failed')],
  react: async (events) => {
    const sample = sampled(events);
    for (const tenant of new Set(sample.map((event) => event.tenant)))
      await teach(
        store,
        layers,
        tenant,
        sample.filter((event) => event.tenant === tenant),
      );
  },
});

const sampled = (events: readonly RecordedEvent[]): RecordedEvent[] => {
  const ends = new Set(events.filter(({ type }) => type !== FEEDBACK).slice(0, ENDS_A_BATCH));
  return events.filter((event) => event.type === FEEDBACK || ends.has(event));
};

/** Lessons follow the order of the log, so what lies before the last one was looked at: a repeated batch teaches nothing twice. */
const teach = async (store: EventStore, layers: Layers, tenant: string, events: readonly RecordedEvent[]): Promise<void> => {
  const { version, position } = await layers.current(tenant);
  const lessons: NewEvent[] = [];
  for (const event of events) {
    const lesson = event.position > position ? await lessonFrom(store, event) : null;
    if (lesson) lessons.push(lesson);
  }
  if (lessons.length === 0) return;
  const result = await store.append({
    tenant,
    stream: RECOGNISER_STREAM,
    expected: version === 0 ? 'no-stream' : version,
    events: lessons,
    actor: { kind: 'service', id: ENGINE_PRINCIPAL },
    correlationId: RECOGNISER_STREAM.id,
    traceparent: continueTrace(events[0]?.traceparent),
  });
  if (!result.ok) throw new AppError('CONFLICT', 'conflict', `another process teaches ${tenant} just now: ${result.message}`);
  if (Math.floor(result.version / SNAPSHOT_EVERY) > Math.floor(version / SNAPSHOT_EVERY)) await layers.save(tenant);
};

const lessonFrom = async (store: EventStore, event: RecordedEvent): Promise<NewEvent | null> => {
  const { tenant, stream, version, id, position, occurredAt } = event;
  const history = await store.readStream({ tenant, stream, limit: version });
  const lesson = lessonOf(domainEvent(event), fold(history, stream.id));
  if (!lesson) return null;
  const data = { ...lesson, delegationId: stream.id, eventId: id, position };
  return { type: TAUGHT, occurredAt, data: data as unknown as JsonObject, causationId: id };
};
