/** Registering: asked until an engine answers, politely. */
import { subjects, type Registration, type RegistrationAnswer } from '@mandate/contracts/wire';
import { parseDuration } from '@mandate/kernel';
import type { NatsConnection } from '@nats-io/transport-node';
import { backoffMs, pause } from '../backoff.js';
import { MandateError, ProblemError } from '../errors.js';
import { answerOf, encodeJson, isHopeless } from '../wire.js';

const RETRY = { firstMs: 200, capMs: 5_000 };
const ANSWER_TIMEOUT_MS = 5_000;

export interface Post extends Omit<RegistrationAnswer, 'heartbeat'> {
  heartbeatMs: number;
}

/** Resolves to where the worker listens; throws ProblemError when the engine refuses it for good, or the signal's reason. */
export const register = async (
  connection: NatsConnection,
  tenant: string,
  registration: Registration,
  signal: AbortSignal,
): Promise<Post> => {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      const answer = await connection.request(subjects.register(tenant), encodeJson(registration), { timeout: ANSWER_TIMEOUT_MS });
      return postOf(answerOf(answer));
    } catch (error) {
      const refused = error instanceof ProblemError ? !error.isTransient : error instanceof MandateError;
      if (refused || isHopeless(error)) throw error;
    }
    await pause(backoffMs(attempt, RETRY), signal);
  }
};

const postOf = (answer: Record<string, unknown>): Post => {
  const { instance, workSubject, controlSubject, heartbeatSubject, heartbeat } = answer as Partial<RegistrationAnswer>;
  const heartbeatMs = heartbeat === undefined ? null : parseDuration(heartbeat);
  if (!instance || !workSubject || !controlSubject || !heartbeatSubject || !heartbeatMs)
    throw new MandateError('BAD_ANSWER', 'the engine answered a registration without its subjects and heartbeat interval');
  return { instance, workSubject, controlSubject, heartbeatSubject, heartbeatMs };
};
