/** Offering attempts to workers and telling them what became of their leases. Core NATS: the truth about who holds what is in PostgreSQL. */
import { type ControlMessage, MESSAGE_LIMITS, type Offer, OfferReply, parse, parseJson, subjects } from '@mandate/contracts';
import { outputReference, resultsOf, type Delegation } from '@mandate/delegation';
import { AppError, timestamp, ulid, type Clock } from '@mandate/kernel';
import type { Replies } from '@mandate/messaging';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { createHash, randomBytes } from 'node:crypto';
import type { RunningAttempt } from './attempts.js';

/** A worker answers an offer within this time, or another one gets it. */
const OFFER_TIMEOUT_MS = 2_000;

export type OfferOutcome = { accepted: true } | { accepted: false; reason: 'declined' | 'no-answer'; absent: boolean };

export class Offers {
  constructor(
    private readonly connection: NatsConnection,
    private readonly replies: Replies,
    private readonly clock: Clock,
  ) {}

  /** Resolves to the worker's answer; never rejects. */
  async offer(attempt: RunningAttempt, state: Delegation, traceparent: string): Promise<OfferOutcome> {
    const document = offerOf(attempt, state);
    if (!document) return { accepted: false, reason: 'no-answer', absent: false };
    try {
      const answer = await this.replies.request(subjects.work(attempt.tenant, attempt.instance), offerText(document), {
        timeoutMs: OFFER_TIMEOUT_MS,
        headers: this.offerHeaders(traceparent),
      });
      const reply = parse(OfferReply, parseJson(answer.data));
      if (reply.accepted && reply.leaseId === attempt.leaseId) return { accepted: true };
      return { accepted: false, reason: 'declined', absent: false };
    } catch (error) {
      return { accepted: false, reason: 'no-answer', absent: error instanceof AppError && error.code === 'NO_RESPONDERS' };
    }
  }

  tell(tenant: string, instance: string, message: ControlMessage): void {
    if (!this.connection.isClosed()) this.connection.publish(subjects.control(tenant, instance), JSON.stringify(message));
  }

  private offerHeaders(traceparent: string): MsgHdrs {
    const now = this.clock.now();
    const given = headers();
    given.set('ce-type', 'dev.mandate.step.dispatched.v1');
    given.set('ce-id', ulid(now, randomBytes(10)));
    given.set('ce-time', timestamp(now));
    given.set('traceparent', traceparent);
    return given;
  }
}

/** Leaves room for headers below the largest message that NATS takes. */
const OFFER_BYTES = MESSAGE_LIMITS.maxBytes - 4_096;

/** The offer's JSON; when the results of many dependencies are too much for one message, the largest become references. */
const offerText = (offer: Offer): string => {
  const text = JSON.stringify(offer);
  let over = Buffer.byteLength(text) - OFFER_BYTES;
  if (over <= 0) return text;
  const sized = Object.entries(offer.results)
    .map(([stepId, output]) => ({ stepId, json: JSON.stringify(output) }))
    .sort((a, b) => b.json.length - a.json.length);
  const results = { ...offer.results };
  for (const { stepId, json } of sized) {
    if (over <= 0) break;
    const bytes = Buffer.byteLength(json);
    const reference = outputReference(offer.delegationId, stepId, { sha256: createHash('sha256').update(json).digest('hex'), bytes });
    results[stepId] = reference;
    over -= bytes - JSON.stringify(reference).length;
  }
  return JSON.stringify({ ...offer, results });
};

const offerOf = (attempt: RunningAttempt, state: Delegation): Offer | null => {
  if (state.status !== 'active') return null;
  const step = state.steps[attempt.stepId];
  if (!step || !('closeAt' in step.phase)) return null;
  return {
    delegationId: state.id,
    stepId: attempt.stepId,
    attempt: attempt.attempt,
    leaseId: attempt.leaseId,
    capability: attempt.capability,
    goal: step.plan.goal ?? state.goal ?? '',
    input: step.plan.input ?? null,
    results: resultsOf(step, state),
    ...(Object.keys(step.answers).length > 0 ? { answers: step.answers } : {}),
    deadline: timestamp(Math.min(step.phase.closeAt, state.budget.deadlineAt)),
    resultSubject: subjects.result(attempt.tenant, state.id, attempt.stepId, attempt.attempt),
  };
};
