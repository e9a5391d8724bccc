/** What can happen to a dead letter. On the wire the type is `dev.mandate.deadletter.<type>.v1`. */

interface Letter {
  kind: 'message' | 'delegation';
  /** The code with which it gave up. */
  reason: string;
  /** The delegation that it is about, where there is one. */
  delegationId?: string;
}

export type DeadLetterEvent =
  /** `as`: the new delegation that asks for the same. */
  | { type: 'redriven'; data: Letter & { as?: string } }
  /** Why is personal: people write names there. */
  | { type: 'discarded'; data: Letter; personal: { because: string } };

export const DEAD_LETTER_AGGREGATE = 'deadletter';
export const deadLetterEventName = (type: DeadLetterEvent['type']): string => `dev.mandate.${DEAD_LETTER_AGGREGATE}.${type}.v1`;
