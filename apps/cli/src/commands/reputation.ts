/** How workers are judged, and what is proposed where one does badly. */
import type { ReputationChange, ReputationOverview } from '@mandate/contracts';
import type { Command } from 'commander';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { percentText, proposalLines } from '../text/reputation-text.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from './context.js';

interface SetOptions extends CommonOptions {
  halfLife?: string;
  floor?: string;
  minVolume?: string;
  quiet?: string;
  reason?: string;
}

const show = (context: CommandContext, { json }: CommonOptions, overview: ReputationOverview): void => {
  if (json) return context.output.json(overview);
  for (const line of lines(context.output, overview)) context.output.line(line);
};

const lines = (output: Output, { settings: { halfLife, floor, minVolume, quiet }, proposals }: ReputationOverview): string[] => [
  `attempts count half after ${halfLife}; surely below ${percentText(floor)} of ${minVolume} or more is proposed for quarantine, again after ${quiet}`,
  ...(proposals.length === 0 ? [output.paint('dim', 'nobody is proposed')] : ['', ...proposals.flatMap(proposalLines)]),
];

const numberOf = (text: string | undefined, what: string): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new CliError('NOT_A_NUMBER', `${what} must be a number`, EXIT.usage);
  return value;
};

const registerShow = (group: Command, context: CommandContext): void => {
  const command = group.command('show').description('how reputations are counted, and who is proposed for quarantine');
  withCommonOptions(command).action(async (options: CommonOptions) => show(context, options, await apiOf(context, options).reputation()));
};

const registerSet = (group: Command, context: CommandContext): void => {
  const command = group
    .command('set')
    .description('change how reputations are counted; figures are in mandate agents')
    .option('--half-life <duration>', 'attempts count half after it (PT6H)')
    .option('--floor <share>', 'a success rate surely below it is proposed for quarantine; 0: never')
    .option('--min-volume <n>', 'of fewer attempts nothing is concluded')
    .option('--quiet <duration>', 'a decided proposal is not made again for so long')
    .option('--reason <text>', 'why, for the record');
  withCommonOptions(command).action(async (options: SetOptions) => {
    const { halfLife, quiet, reason } = options;
    const given = {
      halfLife,
      floor: numberOf(options.floor, 'floor'),
      minVolume: numberOf(options.minVolume, 'min-volume'),
      quiet,
      reason,
    };
    const change = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ReputationChange;
    show(context, options, await apiOf(context, options).changeReputation(change));
  });
};

const deciding = (group: Command, context: CommandContext, verb: 'accept' | 'dismiss', description: string): void => {
  const command = group.command(verb).description(description).argument('<proposal>');
  if (verb === 'dismiss') command.requiredOption('--reason <text>', 'why, for the record');
  else command.option('--reason <text>', 'why, for the record');
  withCommonOptions(command).action(async (id: string, options: CommonOptions & { reason?: string }) => {
    const proposal = await apiOf(context, options).decideProposal(id, verb, options.reason);
    if (options.json) return context.output.json(proposal);
    for (const line of proposalLines(proposal)) context.output.line(line);
  });
};

export const registerReputation: Register = (program, context) => {
  const group = program.command('reputation').description('how workers are judged, and proposals to quarantine them');
  registerShow(group, context);
  registerSet(group, context);
  deciding(group, context, 'accept', 'quarantine the worker as proposed');
  deciding(group, context, 'dismiss', 'leave the worker as it is');
};
