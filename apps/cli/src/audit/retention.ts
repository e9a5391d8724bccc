/** `mandate audit retention`, `hold`, `release` and `cleanup`: how long events are kept, and what is kept in spite of it. */
import type { HoldRequest, HoldView, RetentionRunView, RetentionView } from '@mandate/contracts';
import type { Command } from 'commander';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from '../commands/context.js';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { table } from '../text/table.js';

const PATH = '/api/audit/retention';
/** A run archives and drops millions of events. */
const TIMEOUT_MS = 3_600_000;

interface RetentionOptions extends CommonOptions {
  days?: string;
  forever?: boolean;
}

interface HoldOptions extends CommonOptions {
  all?: boolean;
  delegation?: string;
  subject?: string;
  reason?: string;
}

export const registerRetention: Register = (program, context) => {
  const command = program
    .command('retention')
    .description('how long events are kept, what is held, and what is retired')
    .option('--days <n>', 'retire what is older')
    .option('--forever', 'retire nothing');
  withCommonOptions(command).action(async (options: RetentionOptions) => {
    const days = daysOf(options);
    const api = apiOf(context, options);
    show(
      context,
      options,
      await (days === undefined ? api.json<RetentionView>('GET', PATH) : api.json<RetentionView>('POST', PATH, { days })),
    );
  });
};

export const registerHold: Register = (program, context) => {
  const command: Command = program
    .command('hold')
    .description('place a legal hold: what it is about is neither retired nor erased')
    .option('--all', 'the whole log')
    .option('--delegation <id>', 'one delegation')
    .option('--subject <dataSubject>', 'a person’s delegations')
    .option('--reason <text>', 'why, for the record');
  withCommonOptions(command).action(async (options: HoldOptions) => {
    const hold = await apiOf(context, options).json<HoldView>('POST', `${PATH}/holds`, holdOf(options));
    if (options.json) return context.output.json(hold);
    context.output.line(`${hold.id}  ${holdText(hold)} since ${hold.placedAt}`);
  });
};

export const registerRelease: Register = (program, context) => {
  const command = program.command('release').description('lift a legal hold').argument('<hold>');
  withCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    show(context, options, await apiOf(context, options).json<RetentionView>('POST', `${PATH}/holds/${encodeURIComponent(id)}/lift`, {}));
  });
};

export const registerCleanup: Register = (program, context) => {
  const command = program.command('cleanup').description('archive and drop now what is due, instead of with the daily run');
  withCommonOptions(command).action(async (options: CommonOptions) => {
    const response = await apiOf(context, options).request('POST', `${PATH}/run`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const run = (await response.json()) as RetentionRunView;
    if (options.json) return context.output.json(run);
    for (const { from, to, events, kept, archive } of run.retired)
      context.output.line(`positions ${from} to ${to - 1}: ${events - kept} events dropped, ${kept} kept, all of them in ${archive.file}`);
    context.output.line(
      `${run.deadLetters} dead letters removed; the next partition stays: ${run.stoppedBy}${run.holdId ? ` by ${run.holdId}` : ''}`,
    );
  });
};

const daysOf = ({ days, forever }: RetentionOptions): number | null | undefined => {
  if (forever) return null;
  if (days === undefined) return undefined;
  if (!/^\d{1,5}$/.test(days)) throw new CliError('NOT_A_NUMBER', '--days takes a number of days', EXIT.usage);
  return Number(days);
};

const holdOf = ({ all, delegation, subject, reason }: HoldOptions): HoldRequest => {
  const scopes: HoldRequest[] = [
    ...(all ? [{ of: 'all' } as const] : []),
    ...(delegation === undefined ? [] : [{ of: 'delegation', delegationId: delegation } as const]),
    ...(subject === undefined ? [] : [{ of: 'subject', dataSubject: subject } as const]),
  ];
  const [scope] = scopes;
  if (!scope || scopes.length > 1)
    throw new CliError('WHAT_TO_HOLD', 'give one of --all, --delegation <id> and --subject <dataSubject>', EXIT.usage);
  return { ...scope, ...(reason === undefined ? {} : { reason }) };
};

const holdText = ({ of, delegationId }: HoldView): string => {
  if (of === 'all') return 'everything is held';
  return of === 'delegation' ? `delegation ${delegationId} is held` : 'a person’s delegations are held';
};

const show = ({ output }: CommandContext, { json }: CommonOptions, view: RetentionView): void => {
  if (json) return output.json(view);
  for (const line of lines(view, output)) output.line(line);
};

const lines = ({ days, holds, lastRunAt, partitions }: RetentionView, output: Output): string[] => [
  days === null ? 'events are kept for good' : `events are kept for ${days} days; last run ${lastRunAt ?? 'never'}`,
  ...holds.map((hold) => `${hold.id}  ${holdText(hold)} since ${hold.placedAt}`),
  ...table([
    ['positions', 'retired', 'stays because'].map((name) => output.paint('dim', name)),
    ...partitions.map(({ from, to, retiredAt, stays }) => [`${from} to ${to - 1}`, retiredAt ?? '', stays ?? (retiredAt ? '' : 'due')]),
  ]),
];
