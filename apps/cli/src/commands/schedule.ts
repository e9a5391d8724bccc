/** Delegations that are asked for again and again. */
import type { DelegationRequest, NewSchedule, ScheduleView } from '@mandate/contracts';
import type { Command } from 'commander';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { readRequest } from '../request-file.js';
import { table } from '../text/table.js';
import { valueLines } from '../text/value-text.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from './context.js';

interface CreateOptions extends CommonOptions {
  file?: string;
  name?: string;
  timezone?: string;
  overlap?: string;
  catchUp?: string;
}

const registerCreate = (group: Command, context: CommandContext): void => {
  const command = group
    .command('create')
    .description('ask for a goal, or for a request from a file, at the times of a cron pattern')
    .argument('<cron>', 'five fields, or @hourly, @daily, …: "0 9 * * MON-FRI"')
    .argument('[goal]')
    .option('--file <request.json>', 'the request, as for mandate delegate')
    .option('--name <text>', 'what to call it')
    .option('--timezone <name>', 'IANA name, such as Europe/Berlin; default UTC')
    .option('--overlap <policy>', 'while the last one runs: skip (default), buffer-one, allow, cancel-other')
    .option('--catch-up <duration>', 'how late a time is still made up for, such as PT1H; default PT1M');
  withCommonOptions(command).action(async (cron: string, goal: string | undefined, options: CreateOptions) => {
    const { name, timezone, overlap, catchUp } = options;
    const given = Object.entries({ name, timezone, overlap, catchUp }).filter(([, value]) => value !== undefined);
    const schedule = { cron, request: requestOf(goal, options.file), ...Object.fromEntries(given) } as NewSchedule;
    const view = await apiOf(context, options).createSchedule(schedule);
    if (options.json) return context.output.json(view);
    for (const line of scheduleLines(context.output, view)) context.output.line(line);
  });
};

const requestOf = (goal: string | undefined, file: string | undefined): DelegationRequest => {
  if (goal === undefined && file === undefined) throw new CliError('NO_GOAL', 'give a goal, or --file', EXIT.usage);
  if (file === undefined) return { goal: goal ?? '' };
  return { ...readRequest(file), ...(goal === undefined ? {} : { goal }) } as DelegationRequest;
};

const registerList = (group: Command, context: CommandContext): void => {
  const command = group.command('list').description('all of them, and when each asks next');
  withCommonOptions(command).action(async (options: CommonOptions) => {
    const page = await apiOf(context, options).schedules();
    if (options.json) return context.output.json(page);
    const head = ['id', 'cron', 'time zone', 'overlap', 'next', 'name'].map((name) => context.output.paint('dim', name));
    const rows = page.items.map(({ id, cron, timezone, overlap, state, nextAt, name }) => [
      id,
      cron,
      timezone,
      overlap,
      state === 'paused' ? 'paused' : (nextAt ?? 'never').slice(0, 19).replace('T', ' '),
      name ?? '-',
    ]);
    for (const line of rows.length === 0 ? ['no schedules'] : table([head, ...rows])) context.output.line(line);
  });
};

const registerShow = (group: Command, context: CommandContext): void => {
  const command = group.command('show').description('one of them, and what it did lately').argument('<id>');
  withCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const view = await apiOf(context, options).schedule(id);
    if (options.json) return context.output.json(view);
    for (const line of scheduleLines(context.output, view)) context.output.line(line);
  });
};

const scheduleLines = (output: Output, { request, recent, ...facts }: ScheduleView): string[] => [
  ...table(
    Object.entries(facts)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [output.paint('dim', name), String(value)]),
  ),
  ...(request ? ['', ...valueLines(request)] : []),
  ...(recent.length > 0 ? ['', ...table(recent.map(({ dueAt, what, delegationId }) => [dueAt, what, delegationId ?? '']))] : []),
];

const changing = (group: Command, context: CommandContext, verb: 'pause' | 'resume' | 'delete', description: string): void => {
  const command = group.command(verb).description(description).argument('<id>');
  if (verb !== 'delete') command.option('--reason <text>', 'why, for the record');
  withCommonOptions(command).action(async (id: string, options: CommonOptions & { reason?: string }) => {
    await apiOf(context, options).changeSchedule(id, verb, options.reason === undefined ? {} : { reason: options.reason });
    if (options.json) context.output.json({ id });
    else context.output.line(`${id}  ${{ pause: 'paused', resume: 'active', delete: 'deleted' }[verb]}`);
  });
};

export const registerSchedule: Register = (program, context) => {
  const group = program.command('schedule').description('ask again and again, at the times of a cron pattern');
  registerCreate(group, context);
  registerList(group, context);
  registerShow(group, context);
  changing(group, context, 'pause', 'no times until it is resumed');
  changing(group, context, 'resume', 'times again, from now on');
  changing(group, context, 'delete', 'for good; what it asked for goes on');
  const trigger = group.command('trigger').description('ask now, whatever else runs').argument('<id>');
  withCommonOptions(trigger).action(async (id: string, options: CommonOptions) => {
    const answer = await apiOf(context, options).triggerSchedule(id);
    if (options.json) context.output.json(answer);
    else context.output.line(`asked: mandate watch ${answer.delegationId}`);
  });
};
