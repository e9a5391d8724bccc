/** What every command is given. */
import type { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import { findAccess, type Surroundings } from '../config.js';
import type { ExitStatus } from '../exit.js';
import type { Output } from '../output.js';

export interface CommandContext {
  output: Output;
  surroundings: Surroundings;
  /** The status that the process ends with, when nothing is thrown. */
  exit(status: ExitStatus): void;
}

export type Register = (program: Command, context: CommandContext) => void;

export interface CommonOptions {
  json?: boolean;
  as?: string;
}

export const apiOf = (context: CommandContext, { as }: CommonOptions): ApiClient => new ApiClient(findAccess(context.surroundings), as);

/** `--json` and `--as`, the same everywhere. */
export const withCommonOptions = (command: Command): Command =>
  command
    .option('--json', 'print JSON on standard output and nothing else')
    .option('--as <principal>', 'act for this principal, where the key may');
