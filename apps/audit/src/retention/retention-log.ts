/** The retention's own stream: what was decided about the log as a whole. */
import {
  evolveRetention,
  KEEP_ALL,
  RETENTION,
  RETENTION_EVENT_PREFIX,
  retentionEventName,
  type Retention,
  type RetentionEvent,
} from '@mandate/audit-trail';
import type { Actor, EventStore, RecordedEvent } from '@mandate/event-store';
import { AppError, timestamp, type JsonObject } from '@mandate/kernel';

export interface Known {
  state: Retention;
  version: number;
}

/** Positions of which retention has dropped events, or is about to: the first, and the first behind the last. */
export interface DroppedRange {
  from: number;
  to: number;
}

export interface Origin {
  actor: Actor;
  traceparent?: string;
}

/** The log is one, whoever shares it; its retention stands with the default tenant. */
export const TENANT = 'default';
const STREAM = { type: RETENTION, id: 'log' };

export class RetentionLog {
  constructor(private readonly store: EventStore) {}

  async load(): Promise<Known> {
    const recorded = await this.recorded();
    return { state: recorded.map(retentionEvent).reduce(evolveRetention, KEEP_ALL), version: recorded.at(-1)?.version ?? 0 };
  }

  async dropped(): Promise<DroppedRange[]> {
    const events = (await this.recorded()).map(retentionEvent);
    const done = events.flatMap((event) => (event.type === 'retired' ? [event.data] : []));
    return [...done, ...Object.values(events.reduce(evolveRetention, KEEP_ALL).begun)];
  }

  private recorded(): Promise<RecordedEvent[]> {
    return this.store.readStream({ tenant: TENANT, stream: STREAM });
  }

  /** Behind whatever was decided meanwhile. Throws AppError `RETENTION_BUSY`. */
  async record(event: RetentionEvent, origin: Origin): Promise<void> {
    if (!(await this.append([event], 'any', origin))) throw busy();
  }

  /** False: somebody else decided something since `version`. */
  decided(events: readonly RetentionEvent[], version: number, origin: Origin): Promise<boolean> {
    return this.append(events, version === 0 ? 'no-stream' : version, origin);
  }

  private async append(events: readonly RetentionEvent[], expected: number | 'no-stream' | 'any', origin: Origin): Promise<boolean> {
    const result = await this.store.append({
      tenant: TENANT,
      stream: STREAM,
      expected,
      events: events.map((event) => ({
        type: retentionEventName(event.type),
        occurredAt: timestamp(event.at),
        data: event.data as unknown as JsonObject,
        ...('personal' in event && event.personal ? { personal: event.personal } : {}),
      })),
      correlationId: STREAM.id,
      ...origin,
    });
    return result.ok;
  }
}

export const busy = (): AppError => new AppError('RETENTION_BUSY', 'unavailable', 'others change the retention just now: try again');

const retentionEvent = ({ type, occurredAt, data }: RecordedEvent): RetentionEvent =>
  ({
    type: type.slice(RETENTION_EVENT_PREFIX.length).replace(/\.v\d+$/, ''),
    at: Date.parse(occurredAt),
    data,
  }) as unknown as RetentionEvent;
