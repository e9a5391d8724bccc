/** Approvals: asked for, given, denied, expired. Each is of one digest, once, by somebody else than who asked for the delegation. */
import { AppError, timestamp } from '@mandate/kernel';
import type { DelegationDecisionCommand } from '../commands.js';
import type { ApprovalScope, DelegationEvent } from '../events.js';
import { stepsOf, type ActiveDelegation, type ApprovalRequest } from '../model.js';
import { orphansOf } from './children.js';
import { seen } from './steering.js';

type Command<Type extends 'approve' | 'deny'> = Extract<DelegationDecisionCommand, { type: Type }>;
type Pending = ApprovalScope & { asked: ApprovalRequest };

const NOT_SAID: ApprovalRequest = { digest: null, expiresAt: null };

/** The writer adds the digest: what it is taken of is `approvalSubject`. */
export const approvalRequested = (
  scope: ApprovalScope,
  { approvalTimeoutMs, budget, startAt }: Pick<ActiveDelegation, 'approvalTimeoutMs' | 'budget' | 'startAt'>,
  now: number,
): DelegationEvent => ({
  type: 'approvalrequested',
  at: now,
  data: { ...scope, expiresAt: timestamp(Math.min(Math.max(now, startAt ?? now) + approvalTimeoutMs, budget.deadlineAt)) },
});

export const pendingApprovals = (state: ActiveDelegation): Pending[] => {
  if (state.planApproval === 'requested') return [{ scope: 'plan', asked: state.planAsked ?? NOT_SAID }];
  return stepsOf(state)
    .filter(({ approval, phase }) => approval === 'requested' && phase.status === 'pending')
    .map((step) => ({ scope: 'step', stepId: step.plan.id, asked: step.asked ?? NOT_SAID }));
};

const idsOf = (pending: readonly Pending[]): string[] => pending.flatMap((one) => (one.scope === 'step' ? [one.stepId] : []));

/** What a command can only mean: what it names, else the plan, or the one step that waits. */
const meant = ({ stepId, digest }: Command<'approve' | 'deny'>, state: ActiveDelegation): Pending => {
  const pending = pendingApprovals(state);
  const fitting = stepId === undefined ? pending : pending.filter((one) => one.scope === 'step' && one.stepId === stepId);
  const waiting = idsOf(pending);
  if (fitting.length === 0)
    throw new AppError(
      'NOTHING_TO_APPROVE',
      'conflict',
      stepId === undefined
        ? 'nothing waits for an approval here'
        : `step ${stepId} does not wait for an approval; waiting: ${waiting.join(', ') || 'none'}`,
    );
  const same = digest === undefined ? fitting : fitting.filter(({ asked }) => asked.digest === digest);
  if (same.length === 0)
    throw new AppError(
      'DIGEST_MISMATCH',
      'conflict',
      'what would run is not what this digest was shown for: look again before you decide',
      {
        ...(fitting.length === 1 && fitting[0]?.asked.digest ? { digest: fitting[0].asked.digest } : {}),
      },
    );
  if (same.length > 1)
    throw new AppError('STEP_REQUIRED', 'invalid', `several steps wait for an approval, name one: ${waiting.join(', ')}`, {
      steps: waiting,
    });
  return same[0] as Pending;
};

const scopeOf = (pending: Pending): ApprovalScope =>
  pending.scope === 'plan' ? { scope: 'plan' } : { scope: 'step', stepId: pending.stepId };

const nameOf = (scope: ApprovalScope): string => (scope.scope === 'plan' ? 'the plan' : `step ${scope.stepId}`);

const failed = (scope: ApprovalScope, code: string, error: string, state: ActiveDelegation, now: number): DelegationEvent => ({
  type: 'failed',
  at: now,
  data: { code, ...(scope.scope === 'step' ? { stepId: scope.stepId } : {}), cancels: orphansOf(state) },
  personal: { error },
});

export const decideApproval = (command: Command<'approve'>, state: ActiveDelegation): DelegationEvent[] => {
  if (seen(state, command)) return [];
  const { by, commandId, reason, mayApproveOwn, now } = command;
  const pending = meant(command, state);
  const { digest } = pending.asked;
  const own = by === state.principal;
  if (own && !mayApproveOwn)
    throw new AppError('SELF_APPROVAL', 'forbidden', `${by} asked for this: somebody else has to approve it`, { principal: by });
  if (isExpired(pending, now)) return expired(pending, state, now);
  const data = { ...scopeOf(pending), by, commandId, ...(digest === null ? {} : { digest }), ...(own ? { own } : {}) };
  return [{ type: 'approved', at: now, data, personal: { reason: reason ?? '' } }];
};

/** Whoever asked may deny, too: that only stops it. */
export const decideDenial = (command: Command<'deny'>, state: ActiveDelegation): DelegationEvent[] => {
  if (seen(state, command)) return [];
  const { by, commandId, reason, now } = command;
  const scope = scopeOf(meant(command, state));
  return [
    { type: 'denied', at: now, data: { ...scope, by, commandId }, personal: { reason: reason ?? '' } },
    failed(scope, 'DENIED', `${by} denied ${nameOf(scope)}${reason ? `: ${reason}` : ''}`, state, now),
  ];
};

const isExpired = ({ asked }: Pending, now: number): boolean => asked.expiresAt !== null && asked.expiresAt <= now;

const expired = (pending: Pending, state: ActiveDelegation, now: number): DelegationEvent[] => {
  const scope = scopeOf(pending);
  const error = `nobody approved ${nameOf(scope)} by ${timestamp(pending.asked.expiresAt ?? now)}`;
  return [{ type: 'approvalexpired', at: now, data: scope }, failed(scope, 'APPROVAL_EXPIRED', error, state, now)];
};

/** The first approval that nobody gave in time ends the delegation like a denial. */
export const decideExpiry = (state: ActiveDelegation, now: number): DelegationEvent[] => {
  const due = pendingApprovals(state).find((pending) => isExpired(pending, now));
  return due ? expired(due, state, now) : [];
};
