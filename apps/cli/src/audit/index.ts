/** `mandate audit …`: what happened, and the proof of it. */
import type { Register } from '../commands/context.js';
import { registerVerify } from './verify.js';

const COMMANDS: readonly Register[] = [registerVerify];

export const registerAudit: Register = (program, context) => {
  const group = program.command('audit').description('the audit trail: proofs, and what verifies them offline');
  group.exitOverride();
  for (const register of COMMANDS) register(group, context);
};
