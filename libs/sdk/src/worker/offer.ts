import type { Offer } from '@mandate/contracts';
import type { JsonValue } from '@mandate/kernel';
import { isUlid } from '@mandate/kernel';
import { Match, type Msg } from '@nats-io/transport-node';
import { decodeJson, isObject } from '../wire.js';

/** An offer with what its headers say. */
export interface ReceivedOffer extends Offer {
  traceparent: string | undefined;
  /** Milliseconds until the deadline, reckoned by the engine's clock only: the worker's own may be wrong. */
  remainingMs: number;
}

const text = (value: unknown): value is string => typeof value === 'string' && value.length > 0;

/** Takes what is needed and leaves the rest alone, so that a newer engine may add fields. Null when it is no offer. */
export const readOffer = (message: Msg, now: number): ReceivedOffer | null => {
  const body = decodeJson(message.data);
  if (!isObject(body)) return null;
  const { delegationId, stepId, attempt, leaseId, capability, goal, deadline, resultSubject } = body;
  if (!text(delegationId) || !text(stepId) || !text(capability) || !text(goal) || !text(resultSubject)) return null;
  if (!text(leaseId) || !isUlid(leaseId) || !Number.isInteger(attempt) || !text(deadline)) return null;
  const offeredAt = Date.parse(message.headers?.get('ce-time', Match.IgnoreCase) ?? '');
  const remainingMs = Date.parse(deadline) - (Number.isNaN(offeredAt) ? now : offeredAt);
  if (Number.isNaN(remainingMs)) return null;
  return {
    delegationId,
    stepId,
    attempt: attempt as number,
    leaseId,
    capability,
    goal,
    deadline,
    resultSubject,
    input: (body['input'] ?? null) as JsonValue,
    results: valuesOf(body['results']),
    answers: valuesOf(body['answers']),
    traceparent: message.headers?.get('traceparent', Match.IgnoreCase) || undefined,
    remainingMs,
  };
};

const valuesOf = (value: unknown): Record<string, JsonValue> => (isObject(value) ? (value as Record<string, JsonValue>) : {});

/** The lease that a message names, also when the rest of it cannot be understood; a refusal has to name it. */
export const leaseNamed = (message: Msg): string | undefined => {
  const body = decodeJson(message.data);
  return isObject(body) && typeof body['leaseId'] === 'string' ? body['leaseId'] : undefined;
};
