/** What people and requesters tell a delegation: one command, applied once. Runs inside the delegation's lane. */
import { ADMINISTRATOR, type Acknowledgement, type DelegationCommand } from '@mandate/contracts';
import { taskStateOf, type DelegationDecisionCommand } from '@mandate/delegation';
import { AppError, type Clock } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import type { DelegationWriter, Origin } from './delegation-writer.js';

export interface Addressee {
  tenant: string;
  id: string;
  principal: string;
}

export class Steering {
  constructor(
    private readonly writer: DelegationWriter,
    private readonly clock: Clock,
  ) {}

  /** Throws AppError: NOT_FOUND, ALREADY_ENDED, and what the command itself is refused with. */
  async command(
    { tenant, id, principal }: Addressee,
    command: DelegationCommand,
    traceparent: string | undefined,
  ): Promise<Acknowledgement> {
    const entry = await this.writer.load(tenant, id);
    const origin: Origin = {
      actor: { kind: 'agent', id: principal },
      causationId: command.commandId,
      traceparent: continueTrace(traceparent ?? entry.traceparent),
    };
    await this.writer.applyOrConfirm(entry, decisionOf(command, principal, this.clock.now()), origin);
    return { id, state: taskStateOf(entry.state) };
  }
}

const decisionOf = (command: DelegationCommand, by: string, now: number): DelegationDecisionCommand => {
  const { type, commandId, stepId, digest, reason, questionId, answer, pattern } = command;
  const given = { by, commandId, now, ...(reason === undefined ? {} : { reason }), ...(stepId === undefined ? {} : { stepId }) };
  if (type === 'cancel') return { ...given, type };
  const bound = { ...given, ...(digest === undefined ? {} : { digest }) };
  // The administrator may act for everyone: a rule that a flag gets around would only be in the way. It is recorded as what it is.
  if (type === 'approve') return { ...bound, type, mayApproveOwn: by === ADMINISTRATOR };
  if (type === 'deny') return { ...bound, type };
  if (type === 'feedback') {
    if (pattern === undefined) throw new AppError('INVALID_FIELD', 'invalid', 'feedback needs pattern', { field: 'pattern' });
    return { ...given, type, pattern };
  }
  if (questionId === undefined || answer === undefined)
    throw new AppError('INVALID_FIELD', 'invalid', 'an answer needs questionId and answer', {
      field: questionId === undefined ? 'questionId' : 'answer',
    });
  return { ...given, type, questionId, answer };
};
