import type { ErasureView } from '@mandate/contracts';
import type { RecordedEvent } from '@mandate/event-store';
import { erasureEventTypeName, type ErasureEvent } from './erasure-events.js';

type DataOf<Type extends ErasureEvent['type']> = Extract<ErasureEvent, { type: Type }>['data'];

/** An erasure as its events tell it. In a restored log it may begin with its repetition. */
export const erasureView = (events: readonly RecordedEvent[]): ErasureView => {
  const of = <Type extends ErasureEvent['type']>(type: Type): (RecordedEvent & { data: DataOf<Type> })[] =>
    events.filter((event) => event.type === erasureEventTypeName(type)) as unknown as (RecordedEvent & { data: DataOf<Type> })[];
  const [requested] = of('requested');
  const done = [...of('completed'), ...of('reapplied')];
  const sum = (value: (data: DataOf<'completed'>) => number): number => done.reduce((total, { data }) => total + value(data), 0);
  const first = events[0] as RecordedEvent;
  return {
    id: first.stream.id,
    of: requested?.data.of ?? 'subject',
    requestedAt: first.occurredAt,
    by: first.actor.id,
    completedAt: done[0]?.occurredAt ?? null,
    delegations: requested?.data.delegations ?? 0,
    keys: sum((data) => data.subjectKeys + data.streamKeys),
    snapshots: sum(({ snapshots }) => snapshots),
    deadLetters: sum(({ deadLetters }) => deadLetters),
    reapplied: of('reapplied').length,
  };
};
