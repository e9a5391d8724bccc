/** Binds what people are asked to approve to exactly what will run. */
import { approvalSubject, evolve, type Delegation, type DelegationEvent } from '@mandate/delegation';
import { canonicalJson, type Keyring } from '@mandate/event-store';

/** The events with a digest in each `approvalrequested`; `before` is the state that they were decided on. */
export const bindApprovals = (
  keyring: Keyring,
  { tenant, id, state: before }: { tenant: string; id: string; state: Delegation },
  events: DelegationEvent[],
): DelegationEvent[] => {
  if (!events.some(({ type }) => type === 'approvalrequested')) return events;
  let state = before;
  return events.map((event) => {
    const bound = event.type === 'approvalrequested' && state.status === 'active' ? bind(keyring, tenant, state, event) : event;
    state = evolve(state, bound, id);
    return bound;
  });
};

const bind = (
  keyring: Keyring,
  tenant: string,
  state: Extract<Delegation, { status: 'active' }>,
  event: Extract<DelegationEvent, { type: 'approvalrequested' }>,
): DelegationEvent => {
  const digest = keyring.approvalDigest(canonicalJson({ tenant, ...approvalSubject(state, event.data) }));
  return { ...event, data: { ...event.data, digest } };
};
