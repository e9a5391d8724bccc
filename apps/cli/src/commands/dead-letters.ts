/** What gave up: looked at, tried again, or discarded. */
import type { DeadLetterItem, DeadLettersSettled, DeadLetterView } from '@mandate/contracts';
import type { Command } from 'commander';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { table, truncate } from '../text/table.js';
import { valueLines } from '../text/value-text.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from './context.js';

interface FilterOptions extends CommonOptions {
  kind?: string;
  reason?: string;
  capability?: string;
  delegation?: string;
  since?: string;
  until?: string;
  fate?: string;
  limit?: string;
  cursor?: string;
  dryRun?: boolean;
  because?: string;
}

const withFilter = (command: Command): Command =>
  command
    .option('--kind <kind>', 'message or delegation')
    .option('--reason <code>', 'the code with which it gave up')
    .option('--capability <name>', 'of the step that failed')
    .option('--delegation <id>', 'about this delegation')
    .option('--since <time>', 'parked since this time (RFC 3339)')
    .option('--until <time>', 'parked before this time (RFC 3339)');

const filterOf = ({ kind, reason, capability, delegation, since, until }: FilterOptions): Record<string, string> => {
  const filter = { kind, reason, capability, delegationId: delegation, since, until };
  return Object.fromEntries(Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined));
};

const registerList = (group: Command, context: CommandContext): void => {
  const command = withFilter(group.command('list').description('what is parked, newest first'))
    .option('--fate <fate>', 'redriven or discarded, instead of what is parked')
    .option('--limit <n>', 'so many')
    .option('--cursor <cursor>', 'the next page');
  withCommonOptions(command).action(async (options: FilterOptions) => {
    const { fate, limit, cursor } = options;
    const more = Object.entries({ fate, limit, cursor }).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const page = await apiOf(context, options).deadLetters({ ...filterOf(options), ...Object.fromEntries(more) });
    if (options.json) return context.output.json(page);
    for (const line of listLines(context.output, page.items)) context.output.line(line);
    if (page.nextCursor) context.output.line(context.output.paint('dim', `more: --cursor ${page.nextCursor}`));
  });
};

const listLines = (output: Output, items: readonly DeadLetterItem[]): string[] => {
  if (items.length === 0) return [output.paint('dim', 'nothing gave up')];
  const head = ['id', 'kind', 'reason', 'tries', 'parked', 'what'].map((name) => output.paint('dim', name));
  const rows = items.map(({ id, kind, reason, attempts, parkedAt, detail }) => [
    id,
    kind,
    reason,
    String(attempts),
    parkedAt.slice(0, 19).replace('T', ' '),
    truncate(detail, 70),
  ]);
  return table([head, ...rows]);
};

const registerShow = (group: Command, context: CommandContext): void => {
  const command = group.command('show').description('one of them, with its content').argument('<id>');
  withCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const letter = await apiOf(context, options).deadLetter(id);
    if (options.json) return context.output.json(letter);
    for (const line of letterLines(context.output, letter)) context.output.line(line);
  });
};

const letterLines = (output: Output, { context, content, ...facts }: DeadLetterView): string[] => [
  ...table(
    [...Object.entries(facts), ...Object.entries(context)]
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => [output.paint('dim', name), String(value)]),
  ),
  '',
  ...(content === null ? ['its content is gone'] : valueLines(content)),
];

const settling = (group: Command, context: CommandContext, verb: 'redrive' | 'discard', description: string): void => {
  const command = withFilter(group.command(verb).description(description))
    .argument('[ids...]', 'these; or name them by what they share')
    .option('--dry-run', 'only say what would happen');
  if (verb === 'discard') command.requiredOption('--because <text>', 'why, for the record');
  withCommonOptions(command).action(async (ids: string[], options: FilterOptions) => {
    const filter = filterOf(options);
    if (ids.length === 0 && Object.keys(filter).length === 0)
      throw new CliError('NOTHING_NAMED', 'name ids, or what they share: --reason, --capability, …', EXIT.usage);
    const which = {
      ...filter,
      ...(ids.length > 0 ? { ids } : {}),
      ...(options.dryRun ? { dryRun: true } : {}),
      ...(options.because === undefined ? {} : { because: options.because }),
    };
    const settled = await settleAll(context, options, verb, which);
    if (options.json) context.output.json(settled);
    else for (const line of settledLines(context.output, verb, settled)) context.output.line(line);
    if (settled.items.some(({ problem }) => problem)) context.exit(EXIT.no);
  });
};

/** All pages as one. */
const settleAll = async (
  context: CommandContext,
  options: CommonOptions,
  verb: 'redrive' | 'discard',
  which: object,
): Promise<DeadLettersSettled> => {
  const api = apiOf(context, options);
  const items: DeadLettersSettled['items'] = [];
  for (let cursor: string | null = null; ;) {
    const page: DeadLettersSettled = await api.settleDeadLetters(verb, { ...which, ...(cursor ? { cursor } : {}) });
    items.push(...page.items);
    cursor = page.nextCursor;
    if (!cursor) return { ...page, items };
  }
};

const DONE = { redrive: 'redriven', discard: 'discarded' } as const;

const settledLines = (output: Output, verb: keyof typeof DONE, { dryRun, items }: DeadLettersSettled): string[] => {
  if (items.length === 0) return [output.paint('dim', 'nothing fits')];
  const rows = items.map(({ id, reason, problem, delegationId }) => [
    id,
    reason,
    problem ? output.paint('red', problem) : dryRun ? `would ${verb}` : DONE[verb],
    delegationId ? `as ${delegationId}` : '',
  ]);
  return table(rows).map((line) => line.trimEnd());
};

export const registerDeadLetters: Register = (program, context) => {
  const group = program.command('dead-letters').description('what gave up: messages that could not be taken, delegations that failed');
  registerList(group, context);
  registerShow(group, context);
  settling(group, context, 'redrive', 'try them again: messages as they came, delegations under a new id');
  settling(group, context, 'discard', 'drop them for good');
};
