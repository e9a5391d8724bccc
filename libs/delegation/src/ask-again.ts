/** The request that would ask for the same once more. */
import type { DelegationRequest, StepSpec } from '@mandate/contracts';
import { formatDuration } from '@mandate/kernel';
import type { DelegationEvent } from './events.js';

type Of<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

/** As its history tells it, with the whole budget; null for a child, whose parent's attempt is over, and once it is erased. */
export const askAgain = (history: readonly DelegationEvent[]): DelegationRequest | null => {
  const requested = history.find((event): event is Of<'requested'> => event.type === 'requested');
  if (!requested?.personal || requested.data.parent) return null;
  const { pattern, approval, approvalTimeoutMs, priority, concurrencyKey, budget } = requested.data;
  const { deadlineAt, ...rest } = budget;
  const given = history.find((event): event is Of<'planned'> => event.type === 'planned' && event.data.by === 'request');
  return {
    ...requested.personal,
    pattern,
    approval,
    budget: { ...rest, deadline: formatDuration(Math.max(1, Date.parse(deadlineAt) - requested.at)) },
    ...(given ? { steps: given.data.steps.map((step) => specOf(step, given)) } : {}),
    ...(approvalTimeoutMs === undefined ? {} : { approvalTimeout: formatDuration(approvalTimeoutMs) }),
    ...(priority === undefined ? {} : { priority }),
    ...(concurrencyKey === undefined ? {} : { concurrencyKey }),
  };
};

const specOf = ({ timeoutMs, compensate, ...step }: Of<'planned'>['data']['steps'][number], { personal }: Of<'planned'>): StepSpec => {
  const { compensate: undoing, ...texts } = personal?.texts[step.id] ?? {};
  return { ...step, ...texts, timeout: formatDuration(timeoutMs), ...(compensate ? { compensate: { ...undoing, ...compensate } } : {}) };
};
