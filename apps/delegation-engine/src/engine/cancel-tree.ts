/** An attempt or a delegation that ends without success takes its children with it: a durable reaction to the events that say so. */
import { createHash } from 'node:crypto';
import { subjects, type DelegationCommand } from '@mandate/contracts';
import { eventTypeName, type DelegationEventType } from '@mandate/delegation';
import type { Reaction, RecordedEvent } from '@mandate/event-store';
import { encode128 } from '@mandate/kernel';
import type { JetStreamClient } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';

const ENDINGS: readonly DelegationEventType[] = ['stepfailed', 'stepretried', 'inputrequired', 'compensating', 'failed', 'canceled'];
/** The principal of commands that the engine itself gives. */
export const ENGINE_PRINCIPAL = 'mandate';

export const cancelTree = (bus: JetStreamClient): Reaction => ({
  name: 'cancel-tree',
  types: ENDINGS.map(eventTypeName),
  react: async (events) => {
    await Promise.all(events.map((event) => cancelNamed(bus, event, `its parent ${event.stream.id} no longer needs it`)));
  },
});

/** Cancels the delegations that stand in the event's `cancels`. */
export const cancelNamed = async (bus: JetStreamClient, event: RecordedEvent, reason: string): Promise<void> => {
  const named = Array.isArray(event.data['cancels']) ? (event.data['cancels'] as string[]) : [];
  await Promise.all(named.map((id) => cancel(bus, event, id, reason)));
};

const cancel = async (bus: JetStreamClient, event: RecordedEvent, childId: string, reason: string): Promise<void> => {
  const command: DelegationCommand = {
    commandId: commandIdOf(event.id, childId),
    type: 'cancel',
    reason,
  };
  const headers = newHeaders();
  if (event.traceparent) headers.set('traceparent', event.traceparent);
  await bus.publish(subjects.command(event.tenant, childId, ENGINE_PRINCIPAL), JSON.stringify(command), { headers });
};

/** The same for every repetition: a command applies once. */
const commandIdOf = (eventId: string, childId: string): string => {
  const digest = createHash('sha256').update(`${eventId}/${childId}`).digest();
  return encode128(digest);
};
