/** `mandate audit receipt`, and its verification. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isFailure, verifyReceipt, type Statement, type Trust } from '@mandate/audit-log';
import type { JsonValue } from '@mandate/kernel';
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
  return {
    verified: 'receipt',
    failures: [],
    facts: { statement, positions, ...checkpointFacts(checkpoint) },
    story: [...storyOf(statement), `proved        ${positions.length} records in ${checkpoint.origin}, size ${checkpoint.size}`],
  };
};

const storyOf = ({ delegation, asked, decided, planned, steps, approvals, outcome }: Statement): string[] => {
  const rejected = (decided['rejected'] as { pattern: string; confidence: number }[]).map(
    ({ pattern, confidence }) => `${pattern} ${confidence}`,
  );
  const over = rejected.length > 0 ? `, rejected ${rejected.join(', ')}` : '';
  return [
    `delegation    ${delegation}`,
    `asked         ${text(asked['at'])} by ${text(asked['principal'])}, request ${text(asked['digest'])}`,
    `chosen        ${text(decided['chosen'])} ${text(decided['confidence'])}${over}; by ${text(decided['model'])}`,
    ...(planned ? [`planned       by ${text(planned['by'])}`] : []),
    ...approvals.map(({ what, at, by }) => `approval      ${text(what)} ${text(at)} by ${text(by)}`),
    ...steps.map(
      ({ id, capability, worker, attempts, outcome: ended, result, code }) =>
        `step ${id}`.padEnd(14) + `${capability} on ${worker ?? '-'}, attempt ${attempts}: ${ended ?? '-'} ${result ?? text(code)}`,
    ),
    `outcome       ${text(outcome?.['state'])} ${text(outcome?.['at'])}`,
  ];
};

const text = (value: JsonValue | undefined): string =>
  value === null || value === undefined ? '-' : typeof value === 'string' ? value : JSON.stringify(value);
