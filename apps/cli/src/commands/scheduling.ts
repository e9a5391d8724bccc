/** Flow control: what is limited, paused or drained, and changing it. */
import type { SchedulingChange, SchedulingView } from '@mandate/contracts';
import type { Command } from 'commander';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { guardRows } from '../text/guard-text.js';
import { table } from '../text/table.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from './context.js';

interface ChangeOptions extends CommonOptions {
  reason?: string;
}

const show = (context: CommandContext, { json }: CommonOptions, view: SchedulingView): void => {
  if (json) return context.output.json(view);
  for (const line of lines(context.output, view)) context.output.line(line);
};

const lines = (output: Output, view: SchedulingView): string[] => {
  const { running, weight, limits, rates, paused, workers } = view;
  const rows = [
    ...limits.map((limit) => ['limit', limit.kind, limit.name || '-', `${limit.running}/${limit.max} running`]),
    ...rates.map((rate) => ['rate', rate.kind, rate.name, `${rate.perSecond} a second, burst ${rate.burst}`]),
    ...paused.map((pause) => ['paused', pause.kind, pause.name || '-', pause.reason || '-']),
    ...workers.map(({ instance, mode }) => ['worker', '-', instance, mode]),
    ...guardRows(view),
  ];
  const facts = `${running} steps at workers, weight ${weight}`;
  return [facts, '', ...table([['what', 'of', 'name', ''].map((name) => output.paint('dim', name)), ...rows])];
};

export const changing = (
  command: Command,
  context: CommandContext,
  changeOf: (args: readonly string[], options: Readonly<Record<string, string | undefined>>) => Omit<SchedulingChange, 'reason'>,
): void => {
  command.option('--reason <text>', 'why, for the record');
  withCommonOptions(command).action(async (...given: unknown[]) => {
    const options = command.opts<ChangeOptions>();
    const args = given.slice(0, -2).filter((arg): arg is string => typeof arg === 'string');
    const change = { ...changeOf(args, command.opts()), ...(options.reason === undefined ? {} : { reason: options.reason }) };
    show(context, options, await apiOf(context, options).changeScheduling(change));
  });
};

export const number = (text: string | undefined, what: string): number => {
  const value = Number(text);
  if (text === undefined || text.trim() === '' || !Number.isFinite(value))
    throw new CliError('NOT_A_NUMBER', `${what} must be a number`, EXIT.usage);
  return value;
};

/** `<kind> <name>`, where the tenant has no name. */
export const named = (kind: string | undefined, name: string | undefined): Pick<SchedulingChange, 'kind' | 'name'> => ({
  kind: kind as NonNullable<SchedulingChange['kind']>,
  ...(name === undefined || kind === 'tenant' ? {} : { name }),
});

export const registerScheduling: Register = (program, context) => {
  const command = program.command('scheduling').description('limits, rates, pauses, retry budgets, breakers, and what runs under them');
  withCommonOptions(command).action(async (options: CommonOptions) => show(context, options, await apiOf(context, options).scheduling()));
};

export const registerLimit: Register = (program, context) => {
  const command = program
    .command('limit')
    .description('at most so many steps at workers at once; "none" removes the limit')
    .argument('<kind>', 'key, capability, worker or tenant')
    .argument('<name-or-max>', 'of the key, capability or worker; for the tenant the number')
    .argument('[max]');
  changing(command, context, ([kind, first, second]) => {
    const [name, max] = kind === 'tenant' ? [undefined, first] : [first, second];
    return max === 'none'
      ? { type: 'remove-limit', ...named(kind, name) }
      : { type: 'set-limit', ...named(kind, name), max: number(max, 'max') };
  });
};

export const registerRate: Register = (program, context) => {
  const command = program
    .command('rate')
    .description('at most so many dispatches a second, after a burst; "none" removes the rate')
    .argument('<kind>', 'key or capability')
    .argument('<name>')
    .argument('<per-second>')
    .argument('[burst]', 'default 1');
  changing(command, context, ([kind, name, perSecond, burst]) =>
    perSecond === 'none'
      ? { type: 'remove-rate', ...named(kind, name) }
      : { type: 'set-rate', ...named(kind, name), perSecond: number(perSecond, 'per-second'), burst: number(burst ?? '1', 'burst') },
  );
};

const pausing =
  (verb: 'pause' | 'resume', description: string): Register =>
  (program, context) => {
    const command = program.command(verb).description(description).argument('<kind>', 'tenant, capability or agent').argument('[name]');
    changing(command, context, ([kind, name]) => ({ type: verb, ...named(kind, name) }));
  };

export const registerPause = pausing('pause', 'hand out no more steps of a tenant, a capability or an agent; what runs goes on');
export const registerResume = pausing('resume', 'hand out steps again');

const moding =
  (verb: string, mode: NonNullable<SchedulingChange['mode']>, description: string): Register =>
  (program, context) => {
    const command = program.command(verb).description(description).argument('<instance>');
    changing(command, context, ([instance]) => ({ type: 'mode-worker', instance: instance ?? '', mode }));
  };

export const registerDrain = moding('drain', 'draining', 'give a worker nothing new; it finishes what it has');
export const registerQuarantine = moding('quarantine', 'quarantined', 'take everything from a worker and give it nothing');
export const registerActivate = moding('activate', 'active', 'end the drain or quarantine of a worker');
