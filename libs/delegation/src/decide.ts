/**
 * ★ The rules of a delegation: what a command makes happen. Each case stands in `deciding/`.
 * Throws AppError when the command cannot be (with a code of docs/errors.md); `[]` when it changes nothing.
 */
import type { Decider } from '@mandate/kernel';
import type { DelegationDecisionCommand } from './commands.js';
import { decideApproval, decideDenial } from './deciding/approvals.js';
import { decideChild, decideChildEnded } from './deciding/children.js';
import { compensateFirst } from './deciding/compensation.js';
import { assertNoCycle, refuseCycle } from './deciding/cycle.js';
import { followUps } from './deciding/follow-ups.js';
import { decideFeedback } from './deciding/feedback.js';
import { decideRequest } from './deciding/request.js';
import { decideAnswer, decideCancel, decideEnded } from './deciding/steering.js';
import { decideWake } from './deciding/timers.js';
import { decideAccepted, decideDispatch, decideNotAccepted, decideResult, decideWorkerLost } from './deciding/work.js';
import type { DelegationEvent } from './events.js';
import { evolve, initial } from './evolve.js';
import type { Delegation } from './model.js';

export const decide = (command: DelegationDecisionCommand, state: Delegation): DelegationEvent[] => {
  const alone = decideAlone(command, state);
  if (alone.length === 0) return alone;
  const id = command.type === 'request' ? command.id : '';
  const events = compensateFirst(alone, state, id);
  const after = events.reduce((s, event) => evolve(s, event, id), state);
  return [...events, ...compensateFirst(followUps(after, command.now), after, id)];
};

const decideAlone = (command: DelegationDecisionCommand, state: Delegation): DelegationEvent[] => {
  if (command.type === 'request') return assertNoCycle(command, decideRequest(command, state), state);
  if (command.type === 'feedback') return decideFeedback(command, state);
  if (state.status !== 'active') return decideEnded(command, state);
  switch (command.type) {
    case 'dispatch':
      return decideDispatch(command, state);
    case 'accepted':
      return decideAccepted(command, state);
    case 'result':
      return refuseCycle(decideResult(command, state), state, command);
    case 'not-accepted':
      return decideNotAccepted(command, state);
    case 'worker-lost':
      return refuseCycle(decideWorkerLost(command, state), state, command);
    case 'wake':
      return refuseCycle(decideWake(command, state), state, command);
    case 'admit-child':
      return decideChild(command, state);
    case 'child-ended':
      return decideChildEnded(command, state);
    case 'cancel':
      return decideCancel(command, state);
    case 'approve':
      return decideApproval(command, state);
    case 'deny':
      return decideDenial(command, state);
    case 'answer':
      return decideAnswer(command, state);
  }
};

export const delegationDecider: Decider<DelegationDecisionCommand, Delegation, DelegationEvent> = { initial, decide, evolve };
