/** The request that would ask for the same once more. */
import type { DelegationRequest } from '@mandate/contracts';
import { formatDuration } from '@mandate/kernel';
import type { DelegationEvent } from './events.js';
import { firstOf, requestOf, specsOf } from './replay/recorded-request.js';

/** As its history tells it, at once and with the whole budget; null for a child, whose parent's attempt is over, and once it is erased. */
export const askAgain = (history: readonly DelegationEvent[]): DelegationRequest | null => {
  const requested = firstOf(history, 'requested');
  if (!requested?.personal || requested.data.parent) return null;
  const { budget, startAt } = requested.data;
  const { deadlineAt, ...rest } = budget;
  const { dataSubject } = requested.personal;
  const planned = firstOf(history, 'planned');
  const deadlineMs = Date.parse(deadlineAt) - (startAt === undefined ? requested.at : Date.parse(startAt));
  return {
    ...requestOf(requested, planned?.data.by === 'request' ? specsOf(planned) : undefined),
    budget: { ...rest, deadline: formatDuration(Math.max(1, deadlineMs)) },
    ...(dataSubject === undefined ? {} : { dataSubject }),
  };
};
