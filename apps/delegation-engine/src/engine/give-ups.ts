/** Delegations that failed for good are kept among the dead letters, with what would ask for them again: a durable reaction to `failed`. */
import { subjects } from '@mandate/contracts';
import { askAgain, eventTypeName } from '@mandate/delegation';
import { type DeadLetters, type EventStore, type NewDeadLetter, type Reaction, type RecordedEvent } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import { createHash } from 'node:crypto';
import { domainEvent, fold } from './recorded.js';

/** A person's decision is no giving up. */
const DECIDED: ReadonlySet<unknown> = new Set(['DENIED', 'APPROVAL_EXPIRED']);

export const giveUps = (store: EventStore, letters: DeadLetters): Reaction => ({
  name: 'dead-letters',
  types: [eventTypeName('failed')],
  react: async (events) => {
    for (const event of events) {
      if (DECIDED.has(event.data['code'])) continue;
      const { tenant, stream } = event;
      const letter = letterOf(event, await store.readStream({ tenant, stream, decrypt: true }));
      if (letter) await letters.park(letter);
    }
  },
});

/** Null where nothing can be asked for again: a child, or what was erased since. */
const letterOf = ({ id, tenant, stream, occurredAt, data }: RecordedEvent, recorded: readonly RecordedEvent[]): NewDeadLetter | null => {
  const history = recorded.map(domainEvent);
  const request = askAgain(history);
  const state = fold(recorded, stream.id);
  if (!request || !('principal' in state) || state.status === 'rejected') return null;
  const stepId = String(data['stepId'] ?? '');
  const step = state.steps[stepId];
  const error = state.status === 'failed' ? (state.error?.message ?? '') : '';
  return {
    // The same for every repetition.
    id: ulid(Date.parse(occurredAt), createHash('sha256').update(id).digest()),
    tenant,
    kind: 'delegation',
    source: subjects.event(tenant, 'delegation', stream.id),
    reason: String(data['code']),
    detail: step ? `step ${stepId} (${step.plan.capability}) gave up after ${step.attempt} attempt(s)` : 'the delegation gave up',
    payload: Buffer.from(JSON.stringify({ id: stream.id, ...request })),
    headers: { principal: state.principal, error, ...(step ? { stepId } : {}) },
    delegationId: stream.id,
    capability: step?.plan.capability ?? null,
    attempts: step?.attempt ?? 1,
  };
};
