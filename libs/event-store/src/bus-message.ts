/** Events in the form of the bus: CloudEvents 1.0 in binary mode, personal fields as references. */
import { publicData, subjects } from '@mandate/contracts';
import type { RecordedEvent } from './types.js';

export interface BusMessage {
  subject: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** Positions of different sources are never compared. */
export const sourceOf = (log: string, epoch: number): string => `/logs/${log}/epochs/${epoch}`;

export const busMessage = (source: string, event: RecordedEvent): BusMessage => {
  const { tenant, stream, causationId, traceparent } = event;
  return {
    subject: subjects.event(tenant, stream.type, stream.id),
    headers: {
      'Nats-Msg-Id': event.id,
      'Content-Type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': event.id,
      'ce-source': source,
      'ce-type': event.type,
      'ce-subject': `${stream.type}/${stream.id}`,
      'ce-time': event.occurredAt,
      'ce-dataschema': `urn:mandate:schema:${event.type}`,
      'ce-sequence': String(event.position),
      'ce-correlationid': event.correlationId,
      ...(causationId === undefined ? {} : { 'ce-causationid': causationId }),
      'ce-tenantid': tenant,
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    body: Buffer.from(JSON.stringify(publicData(event))),
  };
};
