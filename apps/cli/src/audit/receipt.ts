/** `mandate audit receipt`, and its verification. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isFailure, verifyReceipt, type Trust } from '@mandate/audit-log';
import { nodeCrypto } from '@mandate/signing';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import { hasher, readFileOf } from './trust.js';
import { checkpointFacts, type Verdict } from './verdict.js';

export const registerReceipt: Register = (program, context) => {
  const command = program
    .command('receipt')
    .description('the signed, self-contained receipt of a delegation that has ended')
    .argument('<delegation>')
    .option('--out <file>', 'write it there');
  withCommonOptions(command).action(async (delegation: string, options: CommonOptions & { out?: string }) => {
    const text = await apiOf(context, options).text(`/api/audit/receipts/${encodeURIComponent(delegation)}`);
    if (options.out === undefined) return context.output.line(text.trimEnd());
    writeFileSync(resolve(context.surroundings.cwd, options.out), text);
    if (options.json) context.output.json({ file: options.out });
    else context.output.line(`written to ${options.out}`);
  });
};

export const ofReceipt = (cwd: string, file: string, trust: Trust): Verdict => {
  const proven = verifyReceipt(nodeCrypto.sha256, hasher, readFileOf(cwd, file), trust);
  if (isFailure(proven)) return { verified: 'receipt', failures: [{ ...proven, at: file }], facts: {} };
  const { statement, positions, checkpoint } = proven;
  return { verified: 'receipt', failures: [], facts: { statement, positions, ...checkpointFacts(checkpoint) } };
};
