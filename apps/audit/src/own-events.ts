import { AUDIT_AGGREGATE, auditEventType, type AuditEvent } from '@mandate/audit-trail';
import type { EventStore, NewEvent, RecordedEvent } from '@mandate/event-store';
import { AppError, timestamp, type Clock, type JsonObject } from '@mandate/kernel';
import type { Caller } from '@mandate/service-host';

/** Who has what recorded: a caller, or the service itself. */
export type Origin = Pick<Caller, 'tenant' | 'principal'> & { traceparent: string | undefined; kind?: 'operator' | 'service' };

/** What the service does by itself. */
export const SELF: Origin = { tenant: 'default', principal: 'audit', traceparent: undefined, kind: 'service' };

/** Puts on record what the audit service does: an event each, in the stream that is named for its kind. */
export class OwnEvents {
  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  /** Resolves once it is committed; what it speaks of may happen only then. Throws AppError `STORE_UNAVAILABLE`. */
  async record(
    { tenant, principal, traceparent, kind = 'operator' }: Origin,
    stream: string,
    event: AuditEvent,
    more: Pick<NewEvent, 'outcome' | 'reason' | 'personal'> = {},
  ): Promise<RecordedEvent> {
    const result = await this.store.append({
      tenant,
      stream: { type: AUDIT_AGGREGATE, id: stream },
      expected: 'any',
      events: [
        {
          type: auditEventType(event.type),
          occurredAt: timestamp(this.clock.now()),
          data: event.data as unknown as JsonObject,
          ...more,
        },
      ],
      actor: { kind, id: principal },
      correlationId: stream,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
    if (!result.ok) throw new AppError('NOT_RECORDED', 'unavailable', `${result.message}; try again`);
    return result.events[0] as RecordedEvent;
  }
}
