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
  /** For people, in the place of the facts. */
  story?: readonly string[];
}

export const checkpointFacts = ({ origin, size, root, signedBy }: SignedCheckpoint): Record<string, unknown> => ({
  origin,
  size: size.toString(),
  root: toHex(root),
  signedBy,
});

export const tell = ({ output, exit }: CommandContext, { verified, failures, facts, story }: Verdict, json = false): void => {
  const intact = failures.length === 0;
  exit(intact ? EXIT.done : EXIT.no);
  if (json) return output.json({ verified, intact, ...facts, failures });
  output.line(intact ? output.paint('green', `✔ ${verified} intact`) : output.paint('red', `✘ ${verified} not intact`));
  for (const { check, at, position, reason } of failures)
    output.line(`  ${output.paint('red', check)}  ${at}${position === undefined ? '' : `, position ${position}`}: ${reason}`);
  const lines = story ?? Object.entries(facts).map(([name, value]) => `${name.padEnd(14)}${textOf(value)}`);
  for (const line of lines) output.line(`  ${line}`);
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
