/** What a request really asked for, told by somebody who knows. It changes nothing of the delegation; the recogniser learns from it. */
import { AppError } from '@mandate/kernel';
import type { DelegationDecisionCommand } from '../commands.js';
import type { DelegationEvent } from '../events.js';
import type { Delegation } from '../model.js';

type Feedback = Extract<DelegationDecisionCommand, { type: 'feedback' }>;

export const decideFeedback = ({ pattern, by, commandId, reason, now }: Feedback, state: Delegation): DelegationEvent[] => {
  if (state.status === 'absent') throw new AppError('NOT_FOUND', 'not-found', 'there is no such delegation');
  if (state.status === 'rejected')
    throw new AppError('ALREADY_ENDED', 'conflict', 'the request was rejected: nothing was recognised that could be learnt from', {
      state: state.status,
    });
  if (state.commands.includes(commandId)) return [];
  return [{ type: 'feedbackgiven', at: now, data: { pattern, by, commandId }, personal: { reason: reason ?? '' } }];
};
