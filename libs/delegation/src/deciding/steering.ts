/** What people and requesters tell a delegation on its way: cancel, approve, deny, answer. Each applies once. */
import { AppError } from '@mandate/kernel';
import type { DelegationDecisionCommand } from '../commands.js';
import type { DelegationEvent } from '../events.js';
import { stepsOf, type ActiveDelegation, type Delegation } from '../model.js';
import { orphansOf } from './children.js';

type Command<Type extends DelegationDecisionCommand['type']> = Extract<DelegationDecisionCommand, { type: Type }>;
export type Steering = Command<'cancel' | 'approve' | 'deny' | 'answer'>;

/** A command that was applied already. */
export const seen = (state: ActiveDelegation, command: Steering): boolean => state.commands.includes(command.commandId);

/** Nothing steers what has ended; what would have no effect any more (a late timer, a repeated cancel) is no error. */
export const decideEnded = (command: DelegationDecisionCommand, state: Exclude<Delegation, ActiveDelegation>): DelegationEvent[] => {
  switch (command.type) {
    case 'cancel':
      if (state.status === 'canceled') return [];
      break;
    case 'approve':
    case 'deny':
    case 'answer':
      if ('commands' in state && state.commands.includes(command.commandId)) return [];
      break;
    case 'admit-child':
      if ('children' in state && state.children.some((child) => child.id === command.childId)) return [];
      break;
    default:
      return [];
  }
  if (state.status === 'absent') throw new AppError('NOT_FOUND', 'not-found', 'there is no such delegation');
  throw new AppError('ALREADY_ENDED', 'conflict', `the delegation has ended: ${state.status}`, { state: state.status });
};

/** What ends already, and undoes what it did, is not stopped on the way. */
export const decideCancel = (command: Command<'cancel'>, state: ActiveDelegation): DelegationEvent[] => {
  if (state.ending) return [];
  const { by, commandId, reason, now } = command;
  return [{ type: 'canceled', at: now, data: { by, commandId, cancels: orphansOf(state) }, personal: { reason: reason ?? '' } }];
};

export const decideAnswer = (command: Command<'answer'>, state: ActiveDelegation): DelegationEvent[] => {
  if (seen(state, command)) return [];
  const { by, commandId, questionId, answer, now } = command;
  const asking = stepsOf(state).find(
    ({ plan, phase }) => phase.status === 'input-required' && phase.question.id === questionId && (command.stepId ?? plan.id) === plan.id,
  );
  if (!asking) throw new AppError('NO_SUCH_QUESTION', 'conflict', `no step waits for an answer to ${questionId}`);
  return [{ type: 'answered', at: now, data: { stepId: asking.plan.id, questionId, by, commandId }, personal: { answer } }];
};
