/** How a verification is told: as JSON, or in lines; and the exit status that says intact or not. */
import { toHex, type Failure, type SignedCheckpoint } from '@mandate/audit-log';
import type { CommandContext } from '../commands/context.js';
import { EXIT } from '../exit.js';

export interface Verdict {
  /** What was verified: proof, log, database, receipt. */
  verified: string;
  /** None: intact. */
  failures: readonly Failure[];
  /** What was found, for people and programs alike. */
  facts: Readonly<Record<string, unknown>>;
}

export const checkpointFacts = ({ origin, size, root, signedBy }: SignedCheckpoint): Record<string, unknown> => ({
  origin,
  size: size.toString(),
  root: toHex(root),
  signedBy,
});

export const tell = ({ output, exit }: CommandContext, { verified, failures, facts }: Verdict, json = false): void => {
  const intact = failures.length === 0;
  exit(intact ? EXIT.done : EXIT.no);
  if (json) return output.json({ verified, intact, ...facts, failures });
  output.line(intact ? output.paint('green', `✔ ${verified} intact`) : output.paint('red', `✘ ${verified} not intact`));
  for (const { check, at, position, reason } of failures)
    output.line(`  ${output.paint('red', check)}  ${at}${position === undefined ? '' : `, position ${position}`}: ${reason}`);
  for (const [name, value] of Object.entries(facts)) output.line(`  ${name.padEnd(12)}${textOf(value)}`);
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
