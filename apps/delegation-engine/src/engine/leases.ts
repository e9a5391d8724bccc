/** Lease ids are secrets that every engine of a log derives alike; what a child asks of its parent's lease stands here too. */
import { timingSafeEqual } from 'node:crypto';
import type { DelegationRequest } from '@mandate/contracts';
import { microUsdOf, type DelegationDecisionCommand } from '@mandate/delegation';
import type { Keyring } from '@mandate/event-store';
import { parseDuration } from '@mandate/kernel';

export interface LeaseOf {
  tenant: string;
  delegationId: string;
  stepId: string;
  attempt: number;
  lease: number;
}

export const leaseIdOf = (keyring: Keyring, { tenant, delegationId, stepId, attempt, lease }: LeaseOf): string =>
  keyring.leaseId([tenant, delegationId, stepId, attempt, lease]);

export const sameLease = (given: string, expected: string): boolean =>
  given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));

type Asked = Extract<DelegationDecisionCommand, { type: 'admit-child' }>['asked'];

/** What a child asks of its parent's budget. */
export const askedBudget = (request: DelegationRequest): Asked => {
  const deadlineMs = request.budget?.deadline === undefined ? null : parseDuration(request.budget.deadline);
  return {
    ...(deadlineMs === null ? {} : { deadlineMs }),
    ...(request.budget?.depth === undefined ? {} : { depth: request.budget.depth }),
    ...(request.budget?.steps === undefined ? {} : { steps: request.budget.steps }),
    ...(request.steps ? { stepCount: request.steps.length } : {}),
    ...(request.budget?.usd === undefined ? {} : { microUsd: microUsdOf(request.budget.usd) }),
    ...(request.budget?.tokens === undefined ? {} : { tokens: request.budget.tokens }),
    ...(request.approval === undefined ? {} : { approval: request.approval }),
  };
};
