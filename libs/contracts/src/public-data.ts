/** Events as they are shown outside of the store. */
import type { JsonObject } from '@mandate/kernel';

/** What of an event everyone may see who may see the event: references stand in the place of personal fields. */
export const publicData = ({
  data,
  personalFields,
  stream,
  id,
}: {
  data: JsonObject;
  personalFields: readonly string[];
  stream: { type: string; id: string };
  id: string;
}): JsonObject => {
  if (personalFields.length === 0) return data;
  const event = `/api/${stream.type}s/${stream.id}/events/${id}`;
  return { ...data, ...Object.fromEntries(personalFields.map((field) => [field, { $ref: `${event}#${field}` }])) };
};

/** The trace of a valid `traceparent` header (W3C Trace Context). */
export const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35);
